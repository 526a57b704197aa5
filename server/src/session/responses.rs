//! The way back to the client.

use std::{
    pin::Pin,
    sync::Arc,
    task::{self, Poll},
    time::Duration,
};

use ser_proto::v1::{GoAway, StreamingRecognizeResponse, streaming_recognize_response::Response};
use tokio::{
    sync::mpsc::{self, error::TrySendError},
    task::JoinHandle,
    time::{Instant, timeout},
};
use tokio_stream::Stream;
use tokio_util::task::AbortOnDropHandle;
use tonic::{Code, Status};
use tracing::{debug, error, info};

use super::record::Record;
use crate::{Error, admission::SharedPermit, context::Context};

/// Responses that may wait for the client to read them. A session whose client
/// doesn't read stops working off audio, and HTTP/2 flow control stops the
/// client from sending more.
pub(super) const UNREAD: usize = 16;

/// Those, the word that the stream must end soon, and the last one.
pub(crate) const WAITING: usize = UNREAD + 2;

type Item = Result<StreamingRecognizeResponse, Status>;

/// The session's end of the way.
#[derive(Debug)]
pub(super) struct Responses {
    sender: mpsc::Sender<Item>,
    patience: Duration,
    /// When the client last went on reading after it had kept the session waiting.
    unblocked: Option<Instant>,
}

/// The word that a stream must end soon. There is always room for it: a client that
/// is slow to read needs to know, too.
#[derive(Debug)]
pub(super) struct Farewell(Option<mpsc::OwnedPermit<Item>>);

/// The last word of a session, for which there is always room. Dropped without
/// having been said, for instance in a panic, it is `INTERNAL`: a stream never
/// looks complete when it isn't.
#[derive(Debug)]
pub(super) struct LastWord {
    place: Option<mpsc::OwnedPermit<Item>>,
    record: Record,
    context: Arc<Context>,
}

/// The transport's end of the way. Dropping it ends the session.
#[derive(Debug)]
pub(crate) struct ResponseStream {
    /// A stream whose client never opens its window stays with the transport when its
    /// session has ended, and so does its place.
    _permit: SharedPermit,
    receiver: mpsc::Receiver<Item>,
    _session: AbortOnDropHandle<()>,
}

impl Responses {
    /// Begins a session, which `spawn` starts. `record` learns how it ends.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`], which can't happen in a new channel.
    pub(super) fn begin(
        context: &Arc<Context>,
        record: Record,
        permit: SharedPermit,
        spawn: impl FnOnce(Self, Farewell, LastWord) -> JoinHandle<()>,
    ) -> Result<ResponseStream, Error> {
        let (sender, receiver) = mpsc::channel(WAITING);
        let place = || {
            let reserved = sender.clone().try_reserve_owned();
            reserved.map_err(|error| Error::Internal(error.to_string()))
        };
        let farewell = Farewell(Some(place()?));
        let place = Some(place()?);
        let responses = Self {
            sender,
            patience: context.limits.unread,
            unblocked: None,
        };
        let last_word = LastWord {
            place,
            record,
            context: Arc::clone(context),
        };
        let session = spawn(responses, farewell, last_word);
        Ok(ResponseStream {
            _permit: permit,
            receiver,
            _session: AbortOnDropHandle::new(session),
        })
    }

    /// Waits for room and sends.
    ///
    /// # Errors
    ///
    /// [`Error::TooLate`] if the client doesn't read.
    pub(super) async fn send(&mut self, response: Response) -> Result<(), Error> {
        let response = match self.sender.try_send(item(response)) {
            // Nobody listens any more, so this task is about to be dropped.
            Ok(()) | Err(TrySendError::Closed(_)) => return Ok(()),
            Err(TrySendError::Full(response)) => response,
        };
        match timeout(self.patience, self.sender.send(response)).await {
            Ok(Ok(()) | Err(_)) => {
                self.unblocked = Some(Instant::now());
                Ok(())
            }
            Err(_) => Err(Error::TooLate {
                field: "responses",
                seen: "none read",
                after: self.patience,
                expected: "the client to read them",
            }),
        }
    }

    /// When the client last went on reading after it had kept the session waiting.
    pub(super) fn unblocked(&self) -> Option<Instant> {
        self.unblocked
    }
}

impl Farewell {
    /// Says it, the first time.
    pub(super) fn say(&mut self, go_away: GoAway) {
        if let Some(place) = self.0.take() {
            place.send(item(Response::GoAway(go_away)));
        }
    }
}

fn item(response: Response) -> Item {
    Ok(StreamingRecognizeResponse {
        response: Some(response),
    })
}

impl LastWord {
    /// Ends the session as `outcome` says.
    pub(super) fn say(mut self, outcome: Result<(), Status>) {
        let place = self.place.take();
        self.record
            .end(outcome.as_ref().map_or_else(Status::code, |()| Code::Ok));
        match outcome {
            Ok(()) => debug!("stream ended"),
            Err(status) => {
                self.tell(status.code(), status.message());
                if let Some(place) = place {
                    place.send(Err(status));
                }
            }
        }
    }

    /// Tells the log of an end, of which there may be thousands. Those that clients
    /// cause don't count against the server's own.
    fn tell(&self, code: Code, why: &str) {
        let is_fault = matches!(code, Code::Internal | Code::Unknown | Code::DataLoss);
        let untold = match is_fault {
            true => self.context.failed_streams.line(),
            false => self.context.ended_streams.line(),
        };
        match untold {
            Some(untold) if is_fault => error!(?code, untold, "stream ended: {why}"),
            Some(untold) => info!(?code, untold, "stream ended: {why}"),
            None => debug!(?code, "stream ended: {why}"),
        }
    }
}

impl Drop for LastWord {
    fn drop(&mut self) {
        if let Some(place) = self.place.take() {
            let failed = Error::Internal("the session failed".to_owned());
            if place.send(Err(failed.into())).is_closed() {
                self.tell(Code::Cancelled, "the client is gone");
            } else {
                self.record.end(Code::Internal);
                self.tell(Code::Internal, "the session failed");
            }
        }
    }
}

impl Stream for ResponseStream {
    type Item = Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<Option<Item>> {
        self.receiver.poll_recv(context)
    }
}
