//! Sessions from their first request to their status, without a network.

mod checkpoints;
mod clips;
mod configs;
mod limits;
mod recurrent;
mod results;
mod resume;
mod streams;
mod telemetry;

use std::{sync::Arc, time::Duration};

use prost::bytes::Bytes;
use ser_proto::v1::{
    self, EmotionResult, StreamSummary, StreamWarning, StreamingRecognizeRequest,
    streaming_recognize_request::Request, streaming_recognize_response::Response,
};
use tokio::sync::mpsc;
use tokio_stream::{StreamExt, wrappers::ReceiverStream};
use tonic::{Code, Status, metadata::MetadataMap};

use super::{ResponseStream, open};
use crate::{
    Error,
    admission::Caller,
    context::Context,
    fixture::Fixture,
    models::Repository,
    promises::assert_promised,
    shutdown::Shutdown,
    telemetry::{Service, Telemetry},
};

/// What sessions need, without a transport.
struct Bench {
    fixture: Fixture,
    context: Arc<Context>,
    shutdown: Shutdown,
    telemetry: Telemetry,
}

/// The client's end of a session.
struct Client {
    requests: mpsc::Sender<Result<StreamingRecognizeRequest, Status>>,
    responses: ResponseStream,
}

/// Everything that a session said.
#[derive(Debug, Default)]
struct Said {
    results: Vec<EmotionResult>,
    warnings: Vec<StreamWarning>,
    summaries: Vec<StreamSummary>,
    /// Started, results, warnings and the rest in order, without the stream's id.
    all: Vec<Response>,
    end: Option<Status>,
}

impl Bench {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Fixture)) -> Self {
        Self::measured(Telemetry::for_prometheus(), change)
    }

    fn measured(telemetry: Telemetry, change: impl FnOnce(&mut Fixture)) -> Self {
        let mut fixture = Fixture::new();
        change(&mut fixture);
        let (shutdown, drain) = Shutdown::new();
        let models = Repository::open(
            fixture.config.clone(),
            fixture.backends(),
            Arc::clone(telemetry.metrics()),
        );
        let context = Arc::new(Context::new(&fixture.config, drain, &telemetry));
        context.serve(models.unwrap());
        Self {
            fixture,
            context,
            shutdown,
            telemetry,
        }
    }

    fn open(&self) -> Client {
        self.try_open().unwrap()
    }

    fn try_open(&self) -> Result<Client, Error> {
        self.try_open_as(&MetadataMap::new())
    }

    /// Opens a session as a call that came with `metadata`.
    fn try_open_as(&self, metadata: &MetadataMap) -> Result<Client, Error> {
        let (requests, receiver) = mpsc::channel(64);
        let context = Arc::clone(&self.context);
        let span = context.tracer.call(Service::SpeechEmotion, metadata);
        let responses = open(
            context,
            Caller::default(),
            span,
            ReceiverStream::new(receiver),
        )?;
        Ok(Client {
            requests,
            responses,
        })
    }

    /// A whole session of these requests.
    async fn say(&self, requests: impl IntoIterator<Item = Option<Request>>) -> Said {
        let client = self.open();
        let Client {
            requests: sender,
            responses,
        } = client;
        let requests: Vec<_> = requests.into_iter().collect();
        tokio::spawn(async move {
            for request in requests {
                // A session that has failed takes no more requests.
                let _ = sender.send(Ok(StreamingRecognizeRequest { request })).await;
            }
        });
        Said::collect(responses).await
    }

    /// A whole session of audio cut into chunks.
    async fn stream<'a>(
        &self,
        config: v1::StreamingConfig,
        chunks: impl IntoIterator<Item = &'a [u8]>,
    ) -> Said {
        let chunks = chunks.into_iter().map(|chunk| Some(audio(chunk)));
        self.say(std::iter::once(Some(Request::Config(config))).chain(chunks))
            .await
    }
}

impl Client {
    async fn send(&self, request: Request) {
        let request = StreamingRecognizeRequest {
            request: Some(request),
        };
        self.requests.send(Ok(request)).await.unwrap();
    }

    async fn next(&mut self) -> Option<Result<Response, Status>> {
        let response = self.responses.next().await?;
        Some(response.map(|response| response.response.unwrap()))
    }

    /// Sends the config and waits until it is accepted.
    async fn start(&mut self, config: v1::StreamingConfig) {
        self.send(Request::Config(config)).await;
        assert!(matches!(self.next().await, Some(Ok(Response::Started(_)))));
    }

    async fn half_close(self) -> Said {
        let Self {
            requests,
            responses,
        } = self;
        drop(requests);
        Said::collect(responses).await
    }
}

impl Said {
    async fn collect(mut responses: ResponseStream) -> Self {
        let mut said = Self::default();
        while let Some(response) = responses.next().await {
            let mut response = match response {
                Ok(response) => response.response.unwrap(),
                Err(status) => {
                    said.end = Some(status);
                    continue;
                }
            };
            match &mut response {
                Response::Started(started) => started.stream_id.clear(),
                Response::Result(result) => said.results.push(result.clone()),
                Response::Warning(warning) => said.warnings.push(warning.clone()),
                Response::Summary(summary) => said.summaries.push(summary.clone()),
                Response::GoAway(_) => {}
            }
            said.all.push(response);
        }
        said
    }

    fn started(&self) -> &v1::StreamStarted {
        match self.all.first() {
            Some(Response::Started(started)) => started,
            other => panic!("{other:?}; expected StreamStarted first"),
        }
    }

    #[track_caller]
    fn ended_with(&self, code: Code, message: &str) {
        let end = self.end.as_ref().expect("the session ended with OK");
        assert_eq!((end.code(), end.message()), (code, message));
        assert_promised(message);
    }
}

/// A valid config: mono s16le at 16 kHz, all defaults.
fn config() -> v1::StreamingConfig {
    v1::StreamingConfig {
        audio: Some(format(16_000, 1)),
        options: None,
        ..v1::StreamingConfig::default()
    }
}

fn config_with(options: v1::RecognitionOptions) -> v1::StreamingConfig {
    v1::StreamingConfig {
        options: Some(options),
        ..config()
    }
}

fn format(sample_rate: u32, channels: u32) -> v1::AudioFormat {
    v1::AudioFormat {
        encoding: v1::Encoding::S16le.into(),
        sample_rate,
        channels,
    }
}

fn audio(bytes: &[u8]) -> Request {
    Request::Audio(Bytes::copy_from_slice(bytes))
}

fn seconds(duration: Option<prost_types::Duration>) -> f64 {
    Duration::try_from(duration.unwrap()).unwrap().as_secs_f64()
}

/// All of `audio`, in chunks of these sizes over and over.
fn cut<'a>(audio: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut rest = audio;
    let mut chunks = Vec::new();
    for size in sizes.iter().cycle() {
        let (chunk, after) = rest.split_at(rest.len().min(*size));
        chunks.push(chunk);
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    chunks
}
