//! One stream: audio in, results out.

use std::time::Duration;

use bytes::Bytes;
use ser_proto::v1::{
    EmotionResult, GoAway, StreamStarted, StreamSummary, StreamWarning, StreamingConfig,
    StreamingRecognizeRequest, StreamingRecognizeResponse, speech_emotion_client,
    streaming_recognize_request::Request, streaming_recognize_response::Response,
};
use tokio::{
    sync::{mpsc, watch},
    time::{sleep, timeout},
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use crate::{Client, Error};

/// The most audio bytes in one request. The protocol allows 128 KiB.
const MAX_REQUEST_BYTES: usize = 64 * 1024;

/// Requests that wait for the connection. Few, so that flow control reaches
/// whoever feeds the sink.
const QUEUE_LENGTH: usize = 2;

/// What a server says while a stream runs.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// The emotion of one window.
    Result(EmotionResult),
    /// Something is not as it should be, and recognition goes on.
    Warning(StreamWarning),
    /// The server is about to stop.
    GoAway(GoAway),
    /// The whole of one channel, after the half-close.
    Summary(StreamSummary),
}

/// Where a stream's audio goes. Dropping it half-closes the stream: the server
/// sends the results that are still due, and the summary.
#[derive(Debug)]
pub struct AudioSink {
    requests: mpsc::Sender<StreamingRecognizeRequest>,
    silence: Duration,
    address: String,
    /// The results' half notices when this is dropped.
    _open: watch::Sender<()>,
}

impl AudioSink {
    /// Sends `audio` of any length, cut anywhere: results do not depend on the
    /// cuts. Waits while the server's flow control holds audio back.
    ///
    /// # Errors
    ///
    /// [`Error::Ended`] when the server has ended the stream: the
    /// [`ResultStream`] says why. [`Error::Silent`] when the server takes no
    /// audio for [`Timeouts::silence`](crate::Timeouts::silence).
    pub async fn send(&mut self, mut audio: Bytes) -> Result<(), Error> {
        while !audio.is_empty() {
            let piece = audio.split_to(audio.len().min(MAX_REQUEST_BYTES));
            let request = StreamingRecognizeRequest {
                request: Some(Request::Audio(piece)),
            };
            timeout(self.silence, self.requests.send(request))
                .await
                .map_err(|_| Error::Silent {
                    address: self.address.clone(),
                    waited: self.silence,
                })?
                .map_err(|_| Error::Ended)?;
        }
        Ok(())
    }
}

/// Where a stream's results come from. Dropping it cancels the stream.
#[derive(Debug)]
pub struct ResultStream {
    client: Client,
    started: StreamStarted,
    responses: Streaming<StreamingRecognizeResponse>,
    sink_open: watch::Receiver<()>,
    summarised: bool,
}

impl ResultStream {
    /// What the server accepted: delay, model and effective configuration (both
    /// always present).
    pub fn started(&self) -> &StreamStarted {
        &self.started
    }

    /// The next event, or `None` after the last summary. Cancelling a call
    /// loses no event.
    ///
    /// # Errors
    ///
    /// The status that ended the stream, as [`Error::Rejected`],
    /// [`Error::KeptWaiting`], [`Error::Unavailable`], [`Error::Failed`] or
    /// [`Error::Lost`]; [`Error::Silent`] when after the half-close nothing comes for
    /// [`Timeouts::silence`](crate::Timeouts::silence); [`Error::Protocol`].
    pub async fn next(&mut self) -> Result<Option<Event>, Error> {
        let silence = self.client.timeouts.silence;
        let response = tokio::select! {
            biased;
            response = self.responses.message() => response,
            () = silence_after_half_close(&mut self.sink_open, silence) => {
                return Err(Error::Silent {
                    address: self.client.address.to_string(),
                    waited: silence,
                });
            }
        };
        let response = response.map_err(|s| Error::from_status(&self.client.address, &s))?;
        let Some(response) = response else {
            return if self.summarised {
                Ok(None)
            } else {
                Err(self
                    .client
                    .protocol_error("the end of the stream", "a summary"))
            };
        };
        let event = match response.response {
            Some(Response::Result(result)) => Event::Result(result),
            Some(Response::Warning(warning)) => Event::Warning(warning),
            Some(Response::GoAway(go_away)) => Event::GoAway(go_away),
            Some(Response::Summary(summary)) => Event::Summary(summary),
            Some(Response::Started(_)) => {
                return Err(self.client.protocol_error("a second start", "results"));
            }
            None => return Err(self.client.protocol_error("an empty response", "results")),
        };
        self.summarised |= matches!(event, Event::Summary(_));
        Ok(Some(event))
    }
}

/// Ends `silence` after the sink was dropped; while it lives, the server may
/// have nothing to say for as long as it likes.
async fn silence_after_half_close(sink_open: &mut watch::Receiver<()>, silence: Duration) {
    while sink_open.changed().await.is_ok() {}
    sleep(silence).await;
}

/// Sends `config` and waits for the server to accept it.
pub(crate) async fn open(
    client: &Client,
    config: StreamingConfig,
) -> Result<(AudioSink, ResultStream), Error> {
    let (requests, queue) = mpsc::channel(QUEUE_LENGTH);
    let first = StreamingRecognizeRequest {
        request: Some(Request::Config(config)),
    };
    requests.try_send(first).expect("a new queue has room");

    let mut service = speech_emotion_client::SpeechEmotionClient::new(client.channel.clone());
    let opening = async {
        let mut call = service
            .streaming_recognize(ReceiverStream::new(queue))
            .await?;
        let first = call.get_mut().message().await?;
        Ok(tonic::Response::new((first, call.into_inner())))
    };
    let (first, responses) = client.answer(opening).await?;
    let started = match first.and_then(|first| first.response) {
        Some(Response::Started(started))
            if started.model.is_some() && started.effective.is_some() =>
        {
            started
        }
        _ => return Err(client.protocol_error("something else", "the start of the stream")),
    };

    let (open, sink_open) = watch::channel(());
    let sink = AudioSink {
        requests,
        silence: client.timeouts.silence,
        address: client.address.to_string(),
        _open: open,
    };
    let results = ResultStream {
        client: client.clone(),
        started,
        responses,
        sink_open,
        summarised: false,
    };
    Ok((sink, results))
}
