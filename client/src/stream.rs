//! One stream: audio in, results out.

use std::{
    convert::Infallible,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use ser_proto::v1::{
    EmotionResult, GoAway, StreamStarted, StreamSummary, StreamWarning, StreamingConfig,
    StreamingRecognizeRequest, StreamingRecognizeResponse,
    speech_emotion_client::SpeechEmotionClient, streaming_recognize_request::Request,
    streaming_recognize_response::Response,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Sleep, sleep, timeout},
};
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::{Status, Streaming};

use crate::{Error, Timeouts, connection::Connection};

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
    connection: Connection,
    silence: Duration,
    /// The results' half notices when this is dropped.
    _open: oneshot::Sender<Infallible>,
}

impl AudioSink {
    /// Sends `audio` of any length, cut anywhere: results do not depend on the
    /// cuts. Waits while the server's flow control holds audio back.
    ///
    /// # Errors
    ///
    /// [`Error::Ended`] when the server has ended the stream: the
    /// [`ResultStream`] says why. [`Error::Silent`] when the server takes no
    /// audio for [`Timeouts::silence`].
    pub async fn send(&mut self, mut audio: Bytes) -> Result<(), Error> {
        while !audio.is_empty() {
            let piece = audio.split_to(audio.len().min(MAX_REQUEST_BYTES));
            let request = StreamingRecognizeRequest {
                request: Some(Request::Audio(piece)),
            };
            timeout(self.silence, self.requests.send(request))
                .await
                .map_err(|_| self.connection.silence(self.silence))?
                .map_err(|_| Error::Ended)?;
        }
        Ok(())
    }
}

/// Where a stream's results come from, one [`Event`] after the other: by
/// [`next`](Self::next), or as a [`Stream`] for its combinators. Dropping it cancels
/// the stream.
#[derive(Debug)]
pub struct ResultStream {
    connection: Connection,
    started: StreamStarted,
    /// Until everything has been said.
    responses: Option<Streaming<StreamingRecognizeResponse>>,
    sink: oneshot::Receiver<Infallible>,
    silence: Duration,
    /// From the half-close on, when the server's silence becomes an error.
    over: Option<Pin<Box<Sleep>>>,
    summarised: bool,
}

impl ResultStream {
    /// What the server accepted: delay, model and effective configuration (both
    /// always present).
    pub fn started(&self) -> &StreamStarted {
        &self.started
    }

    /// Which server has the stream: its address as the client was given it, followed
    /// by the IP address if that is a host name.
    pub fn server(&self) -> &str {
        self.connection.server()
    }

    /// The next event, or `None` after the last summary or an error. Cancelling a
    /// call loses no event.
    ///
    /// # Errors
    ///
    /// The status that ended the stream, as [`Error::Rejected`],
    /// [`Error::KeptWaiting`], [`Error::Unavailable`], [`Error::Failed`] or
    /// [`Error::Lost`]; [`Error::Silent`] when after the half-close nothing comes for
    /// [`Timeouts::silence`]; [`Error::Protocol`].
    pub async fn next(&mut self) -> Result<Option<Event>, Error> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context))
            .await
            .transpose()
    }

    /// What `response` means; `None` once the stream has ended as it should.
    fn event(
        &mut self,
        response: Option<Result<StreamingRecognizeResponse, Status>>,
    ) -> Result<Option<Event>, Error> {
        let unexpected = |got, expected| Err(self.connection.protocol_error(got, expected));
        let Some(response) = response else {
            return if self.summarised {
                Ok(None)
            } else {
                unexpected("the end of the stream", "a summary")
            };
        };
        let response = response.map_err(|status| self.connection.failure(&status))?;
        Ok(Some(match response.response {
            Some(Response::Result(result)) => Event::Result(result),
            Some(Response::Warning(warning)) => Event::Warning(warning),
            Some(Response::GoAway(go_away)) => Event::GoAway(go_away),
            Some(Response::Summary(summary)) => {
                self.summarised = true;
                Event::Summary(summary)
            }
            Some(Response::Started(_)) => return unexpected("a second start", "results"),
            None => return unexpected("an empty response", "results"),
        }))
    }

    /// Ready when nothing has come for too long. While the sink lives, the server
    /// may have nothing to say for as long as it likes.
    fn poll_silence(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let over = match &mut self.over {
            Some(over) => over,
            None => {
                // It never sends: being ready, it was dropped.
                let _ = ready!(Pin::new(&mut self.sink).poll(context));
                self.over.insert(Box::pin(sleep(self.silence)))
            }
        };
        over.as_mut().poll(context)
    }
}

impl Stream for ResultStream {
    type Item = Result<Event, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let Some(responses) = &mut this.responses else {
            return Poll::Ready(None);
        };
        let event = match Pin::new(responses).poll_next(context) {
            Poll::Ready(response) => this.event(response).transpose(),
            Poll::Pending => {
                ready!(this.poll_silence(context));
                Some(Err(this.connection.silence(this.silence)))
            }
        };
        match (&event, &mut this.over) {
            (Some(Ok(_)), Some(over)) => over.set(sleep(this.silence)),
            (Some(Ok(_)), None) => {}
            (Some(Err(_)) | None, _) => this.responses = None,
        }
        Poll::Ready(event)
    }
}

/// Sends `config` on `connection` and waits for the server to accept it.
pub(crate) async fn open(
    connection: Connection,
    timeouts: Timeouts,
    config: StreamingConfig,
) -> Result<(AudioSink, ResultStream), Error> {
    let (requests, queue) = mpsc::channel(QUEUE_LENGTH);
    let first = StreamingRecognizeRequest {
        request: Some(Request::Config(config)),
    };
    requests.try_send(first).expect("a new queue has room");

    let mut service = SpeechEmotionClient::new(connection.channel());
    let opening = async {
        let mut call = service
            .streaming_recognize(ReceiverStream::new(queue))
            .await?;
        let first = call.get_mut().message().await?;
        Ok(tonic::Response::new((first, call.into_inner())))
    };
    let (first, responses) = connection.answer(timeouts.answer, opening).await?;
    let started = match first.and_then(|first| first.response) {
        Some(Response::Started(started))
            if started.model.is_some() && started.effective.is_some() =>
        {
            started
        }
        _ => return Err(connection.protocol_error("something else", "the start of the stream")),
    };

    let (open, sink) = oneshot::channel();
    let audio = AudioSink {
        requests,
        connection: connection.clone(),
        silence: timeouts.silence,
        _open: open,
    };
    let results = ResultStream {
        connection,
        started,
        responses: Some(responses),
        sink,
        silence: timeouts.silence,
        over: None,
        summarised: false,
    };
    Ok((audio, results))
}
