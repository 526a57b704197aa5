//! Where a stream's results come from.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use ser_proto::v1::StreamStarted;
use tokio::{sync::mpsc, task::JoinSet};
use tokio_stream::Stream;

use super::Event;
use crate::Error;

/// Where a stream's results come from, one [`Event`] after the other: by
/// [`next`](Self::next), or as a [`Stream`] for its combinators. Dropping it cancels
/// the stream.
#[derive(Debug)]
pub struct ResultStream {
    pub(super) server: String,
    pub(super) started: StreamStarted,
    pub(super) events: mpsc::Receiver<Result<Event, Error>>,
    /// What reads the server's answers, and ends with this.
    pub(super) _reading: JoinSet<()>,
}

impl ResultStream {
    /// What the first server accepted: delay, model and effective configuration (both
    /// always present). Those that resume the stream accept the same.
    pub fn started(&self) -> &StreamStarted {
        &self.started
    }

    /// Which server has the stream: its address as the client was given it, followed
    /// by the IP address if that is a host name. Another after [`Event::Resumed`].
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The next event, or `None` after the last summary or an error. Cancelling a
    /// call loses no event.
    ///
    /// # Errors
    ///
    /// The status that ended the stream, as [`Error::Rejected`],
    /// [`Error::KeptWaiting`], [`Error::Unavailable`], [`Error::Failed`] or
    /// [`Error::Lost`]; [`Error::Silent`] when for
    /// [`Timeouts::silence`](crate::Timeouts::silence) the server takes no audio, gives no
    /// result of all that is kept, or says nothing after the half-close;
    /// [`Error::Protocol`]. Where another server might have gone on with the stream, and
    /// none did, [`Error::NotResumed`] with the last of these.
    pub async fn next(&mut self) -> Result<Option<Event>, Error> {
        let event = self.events.recv().await;
        self.note(event.as_ref());
        event.transpose()
    }

    fn note(&mut self, event: Option<&Result<Event, Error>>) {
        if let Some(Ok(Event::Resumed(resumed))) = event {
            self.server.clone_from(&resumed.server);
        }
    }
}

impl Stream for ResultStream {
    type Item = Result<Event, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let event = self.events.poll_recv(context);
        if let Poll::Ready(event) = &event {
            self.note(event.as_ref());
        }
        event
    }
}
