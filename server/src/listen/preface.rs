//! How long a peer may take to say that it speaks HTTP/2.

use std::{future::Future, pin::Pin, task::Context};

use tokio::time::{Instant, Sleep, sleep_until};

/// The preface and the header of the frame that must follow it (RFC 9113, 3.4). From
/// then on, HTTP/2's own pings tell whether anybody is there.
const OPENING_BYTES: usize = 24 + 9;

/// What a connection must have heard, and until when.
#[derive(Debug)]
pub(super) struct Preface {
    missing: usize,
    deadline: Pin<Box<Sleep>>,
}

impl Preface {
    pub(super) fn until(deadline: Instant) -> Self {
        Self {
            missing: OPENING_BYTES,
            deadline: Box::pin(sleep_until(deadline)),
        }
    }

    /// Whether the deadline has passed. To be asked before each read, which it also
    /// wakes.
    pub(super) fn is_late(&mut self, context: &mut Context<'_>) -> bool {
        self.deadline.as_mut().poll(context).is_ready()
    }

    /// Whether it is complete, now that `bytes` more were read.
    pub(super) fn is_complete(&mut self, bytes: usize) -> bool {
        self.missing = self.missing.saturating_sub(bytes);
        self.missing == 0
    }
}
