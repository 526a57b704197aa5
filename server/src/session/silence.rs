//! How long a client may send nothing.

use std::{pin::Pin, time::Duration};

use tokio::time::{Instant, Sleep, sleep};

use crate::{Error, config::LimitsConfig};

/// How long a client may send nothing: shortly, or longer once it has said that its
/// microphone is off.
#[derive(Debug)]
pub(super) struct Silence {
    idle: Duration,
    muted: Duration,
    is_muted: bool,
    end: Pin<Box<Sleep>>,
}

impl Silence {
    /// From now on.
    pub(super) fn new(limits: &LimitsConfig) -> Self {
        Self {
            idle: limits.idle,
            muted: limits.muted,
            is_muted: false,
            end: Box::pin(sleep(limits.idle)),
        }
    }

    /// The client has sent audio.
    pub(super) fn broken(&mut self) {
        self.is_muted = false;
    }

    /// The client has said that its microphone is off. Saying it again gains no time.
    pub(super) fn mute(&mut self) {
        if !self.is_muted {
            self.is_muted = true;
            self.end.as_mut().reset(Instant::now() + self.muted);
        }
    }

    pub(super) fn is_muted(&self) -> bool {
        self.is_muted
    }

    /// Silence begins now at the earliest, since the session was not listening before.
    /// A muted client has its time all the same.
    pub(super) fn restart(&mut self) {
        if !self.is_muted {
            self.end.as_mut().reset(Instant::now() + self.idle);
        }
    }

    /// Waits until it has lasted too long. May be dropped and called again.
    pub(super) async fn too_long(&mut self) -> Error {
        self.end.as_mut().await;
        Error::TooLate {
            field: "audio",
            seen: "none",
            after: if self.is_muted { self.muted } else { self.idle },
            expected: "audio or half-close",
        }
    }
}
