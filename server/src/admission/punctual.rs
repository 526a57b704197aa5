//! Request bodies that arrive in time.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use hyper::body::{Body as HttpBody, Frame, SizeHint};
use prost::bytes::Bytes;
use tokio::time::{Sleep, sleep};
use tonic::{Status, body::Body};

use crate::Error;

/// A body that fails if it is late.
#[derive(Debug)]
pub(super) struct Punctual<F> {
    body: Body,
    patience: Duration,
    end: Pin<Box<Sleep>>,
    late: F,
}

impl<F: FnMut(&Status)> Punctual<F> {
    /// All of it within `patience` from now on. `late` hears what a body that is late
    /// fails with.
    pub(super) fn new(body: Body, patience: Duration, late: F) -> Self {
        Self {
            body,
            patience,
            end: Box::pin(sleep(patience)),
            late,
        }
    }
}

impl<F: FnMut(&Status) + Unpin> HttpBody for Punctual<F> {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        let frame = Pin::new(&mut this.body).poll_frame(context);
        // Its end can't be late any more.
        let has_ended = matches!(frame, Poll::Ready(None));
        if has_ended || this.end.as_mut().poll(context).is_pending() {
            return frame;
        }
        let status = Status::from(Error::TooLate {
            field: "request",
            seen: "unfinished",
            after: this.patience,
            expected: "all of it and half-close",
        });
        (this.late)(&status);
        Poll::Ready(Some(Err(status)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
