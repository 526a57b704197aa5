//! Request bodies that arrive in time.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use hyper::body::{Body as HttpBody, Frame, SizeHint};
use prost::bytes::Bytes;
use tokio::time::{Instant, Sleep, sleep};
use tonic::{Status, body::Body};

use crate::Error;

/// How long a body may take.
#[derive(Clone, Copy, Debug)]
pub(super) enum Patience {
    /// From its first byte to its last.
    WithAll(Duration),
    /// From one piece to the next.
    WithEach(Duration),
}

impl Patience {
    fn time(self) -> Duration {
        match self {
            Self::WithAll(time) | Self::WithEach(time) => time,
        }
    }
}

/// A body that fails if it is late.
#[derive(Debug)]
pub(super) struct Punctual<F> {
    body: Body,
    patience: Patience,
    end: Pin<Box<Sleep>>,
    late: F,
}

impl<F: FnMut(&Status)> Punctual<F> {
    /// From now on. `late` hears what a body that is late fails with.
    pub(super) fn new(body: Body, patience: Patience, late: F) -> Self {
        Self {
            body,
            patience,
            end: Box::pin(sleep(patience.time())),
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
        match this.patience {
            Patience::WithEach(time) if frame.is_ready() => {
                this.end.as_mut().reset(Instant::now() + time);
                return frame;
            }
            // Its end can't be late any more.
            _ if matches!(frame, Poll::Ready(None)) => return frame,
            _ => {}
        }
        if this.end.as_mut().poll(context).is_pending() {
            return frame;
        }
        let status = Status::from(Error::TooLate {
            field: "request",
            seen: "unfinished",
            after: this.patience.time(),
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
