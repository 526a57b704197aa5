//! A stream that sends whatever a test wants, right or wrong.

use bytes::Bytes;
use ser_proto::v1::{
    AudioFormat, EmotionResult, Encoding, RecognitionOptions, StreamStarted, StreamSummary,
    StreamingConfig, StreamingRecognizeRequest, StreamingRecognizeResponse,
    speech_emotion_client::SpeechEmotionClient, streaming_recognize_request::Request,
    streaming_recognize_response::Response,
};
use tokio::{sync::mpsc, time::timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming, transport::Channel};

pub use ser_test_program::PATIENCE;

/// One channel of `encoding` at `sample_rate`, all else default.
#[must_use]
pub fn config(encoding: Encoding, sample_rate: u32) -> StreamingConfig {
    StreamingConfig {
        audio: Some(AudioFormat {
            encoding: encoding.into(),
            sample_rate,
            channels: 1,
        }),
        options: Some(RecognitionOptions::default()),
        pace: 0,
        ..StreamingConfig::default()
    }
}

/// An open stream, driven request by request.
pub struct RawStream {
    requests: Option<mpsc::Sender<StreamingRecognizeRequest>>,
    /// A refusal if the server didn't even open the stream.
    responses: Result<Streaming<StreamingRecognizeResponse>, Status>,
}

/// Everything a stream said until it ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transcript {
    /// The first response.
    pub started: Option<StreamStarted>,
    /// The results in order.
    pub results: Vec<EmotionResult>,
    /// One for each classified channel.
    pub summaries: Vec<StreamSummary>,
    /// Codes of the warnings.
    pub warnings: Vec<i32>,
    /// Whether the server announced its end.
    pub went_away: bool,
    /// How the stream ended, if not with OK: code and message.
    pub error: Option<(tonic::Code, String)>,
}

impl RawStream {
    /// Opens a stream without sending anything. A refusal of the call itself is
    /// what [`next`](Self::next) then returns.
    pub async fn open(channel: Channel) -> Self {
        let (requests, queue) = mpsc::channel(4);
        let mut service = SpeechEmotionClient::new(channel);
        let call = service.streaming_recognize(ReceiverStream::new(queue));
        let responses = timeout(PATIENCE, call).await.expect("an answer in time");
        let responses = responses.map(tonic::Response::into_inner);
        Self {
            requests: Some(requests),
            responses,
        }
    }

    /// Sends one request. A server that has ended the stream no longer takes
    /// it; the transcript tells why.
    pub async fn send(&self, request: Option<Request>) {
        let requests = self.requests.as_ref().expect("not half-closed yet");
        let request = StreamingRecognizeRequest { request };
        let _ = timeout(PATIENCE, requests.send(request))
            .await
            .expect("the server takes requests");
    }

    /// Sends the config.
    pub async fn config(&self, config: StreamingConfig) {
        self.send(Some(Request::Config(config))).await;
    }

    /// Sends one chunk of audio.
    pub async fn audio(&self, bytes: impl Into<Bytes>) {
        self.send(Some(Request::Audio(bytes.into()))).await;
    }

    /// Half-closes.
    pub fn half_close(&mut self) {
        self.requests = None;
    }

    /// The next response.
    ///
    /// # Errors
    ///
    /// The status that ended the stream.
    pub async fn next(&mut self) -> Result<Option<Response>, Status> {
        let responses = self.responses.as_mut().map_err(|refusal| refusal.clone())?;
        let message = timeout(PATIENCE, responses.message())
            .await
            .expect("an answer in time")?;
        Ok(message.map(|message| message.response.expect("no empty response")))
    }

    /// Reads until the stream ends.
    pub async fn transcript(&mut self) -> Transcript {
        let mut transcript = Transcript::default();
        loop {
            match self.next().await {
                Ok(Some(Response::Started(started))) => transcript.started = Some(started),
                Ok(Some(Response::Result(result))) => transcript.results.push(result),
                Ok(Some(Response::Summary(summary))) => transcript.summaries.push(summary),
                Ok(Some(Response::Warning(warning))) => transcript.warnings.push(warning.code),
                Ok(Some(Response::GoAway(_))) => transcript.went_away = true,
                Ok(None) => return transcript,
                Err(status) => {
                    transcript.error = Some((status.code(), status.message().to_owned()));
                    return transcript;
                }
            }
        }
    }
}

/// Streams `chunks` and reads everything that comes back, both at once.
pub async fn recognise<I>(channel: Channel, config: StreamingConfig, chunks: I) -> Transcript
where
    I: IntoIterator<Item = Bytes>,
{
    let mut stream = RawStream::open(channel).await;
    let requests = stream.requests.take().expect("just opened");
    let send = async move {
        let first = Some(Request::Config(config));
        let audio = chunks.into_iter().map(|chunk| Some(Request::Audio(chunk)));
        for request in std::iter::once(first).chain(audio) {
            // A closed stream takes no more; the transcript tells why.
            if requests
                .send(StreamingRecognizeRequest { request })
                .await
                .is_err()
            {
                return;
            }
        }
    };
    let ((), transcript) = tokio::join!(send, stream.transcript());
    transcript
}
