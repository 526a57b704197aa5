//! The way back to the client.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use ser_proto::v1::{StreamingRecognizeResponse, streaming_recognize_response::Response};
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
use crate::{Error, admission::SharedPermit};

/// Responses that may wait for the client to read them. A session whose client
/// doesn't read stops working off audio, and HTTP/2 flow control stops the
/// client from sending more.
pub(crate) const UNREAD: usize = 16;

type Item = Result<StreamingRecognizeResponse, Status>;

/// The session's end of the way.
#[derive(Debug)]
pub(super) struct Responses {
    sender: mpsc::Sender<Item>,
    patience: Duration,
    /// When the client last went on reading after it had kept the session waiting.
    unblocked: Option<Instant>,
}

/// The last word of a session, for which there is always room. Dropped without
/// having been said, for instance in a panic, it is `INTERNAL`: a stream never
/// looks complete when it isn't.
#[derive(Debug)]
pub(super) struct LastWord {
    place: Option<mpsc::OwnedPermit<Item>>,
    record: Record,
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
    /// Begins a session, which `spawn` starts. A client that leaves its
    /// responses unread is waited for with this much `patience`. `record` learns how
    /// it ends.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`], which can't happen in a new channel.
    pub(super) fn begin(
        patience: Duration,
        record: Record,
        permit: SharedPermit,
        spawn: impl FnOnce(Self, LastWord) -> JoinHandle<()>,
    ) -> Result<ResponseStream, Error> {
        let (sender, receiver) = mpsc::channel(UNREAD + 1);
        let place = sender
            .clone()
            .try_reserve_owned()
            .map_err(|error| Error::Internal(error.to_string()))?;
        let responses = Self {
            sender,
            patience,
            unblocked: None,
        };
        let place = Some(place);
        let session = spawn(responses, LastWord { place, record });
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
        let response = Ok(StreamingRecognizeResponse {
            response: Some(response),
        });
        let response = match self.sender.try_send(response) {
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

impl LastWord {
    pub(super) fn say(mut self, outcome: Result<(), Status>) {
        let place = self.place.take();
        self.record
            .end(outcome.as_ref().map_or_else(Status::code, |()| Code::Ok));
        match outcome {
            Ok(()) => debug!("stream ended"),
            Err(status) => {
                let code = status.code();
                info!(?code, "stream ended: {}", status.message());
                if let Some(place) = place {
                    place.send(Err(status));
                }
            }
        }
    }
}

impl Drop for LastWord {
    fn drop(&mut self) {
        if let Some(place) = self.place.take() {
            let failed = Error::Internal("the session failed".to_owned());
            if place.send(Err(failed.into())).is_closed() {
                info!(code = ?Code::Cancelled, "stream ended: the client is gone");
            } else {
                self.record.end(Code::Internal);
                error!(code = ?Code::Internal, "stream ended: the session failed");
            }
        }
    }
}

impl Stream for ResponseStream {
    type Item = Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Item>> {
        self.receiver.poll_recv(context)
    }
}
