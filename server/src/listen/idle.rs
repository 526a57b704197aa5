//! How long a connection may stay open that nobody uses.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep};

use super::Calls;

/// Watches the calls of a connection.
#[derive(Debug)]
pub(super) struct Idle {
    calls: Calls,
    limit: Duration,
    next_look: Pin<Box<Sleep>>,
}

impl Idle {
    pub(super) fn new(calls: Calls, limit: Duration) -> Self {
        Self {
            calls,
            limit,
            next_look: Box::pin(sleep(limit)),
        }
    }

    /// Whether there has been no call for too long. To be asked by each read that has to
    /// wait, which it also wakes.
    pub(super) fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        loop {
            if self.next_look.as_mut().poll(context) == Poll::Pending {
                return false;
            }
            let now = Instant::now();
            let ends = self.calls.none_since().unwrap_or(now) + self.limit;
            if ends <= now {
                return true;
            }
            self.next_look.as_mut().reset(ends);
        }
    }
}
