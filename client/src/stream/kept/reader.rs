//! What each server is sent of what is kept.

use std::{sync::Arc, task::Poll};

use ser_proto::v1::{Muted, streaming_recognize_request::Request};
use tokio::time::Instant;

use super::Kept;

/// As long as it is held, a server is sent what there is, and nothing is released that it
/// has yet to be sent. A connection that hangs may keep its [`Reader`] for much longer.
#[derive(Debug)]
pub(in crate::stream) struct Hold {
    kept: Arc<Kept>,
    reader: u64,
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.kept.part_with(self.reader);
    }
}

/// Reads what one server is sent.
#[derive(Debug)]
pub(in crate::stream) struct Reader {
    kept: Arc<Kept>,
    id: u64,
    said_muted: bool,
}

impl Reader {
    /// The one that is registered as `id`.
    pub(super) fn of(kept: &Arc<Kept>, id: u64) -> (Self, Hold) {
        let hold = Hold {
            kept: Arc::clone(kept),
            reader: id,
        };
        let reader = Self {
            kept: Arc::clone(kept),
            id,
            said_muted: false,
        };
        (reader, hold)
    }

    /// What is sent next, as soon as it is there; `None` at the end.
    pub(in crate::stream) async fn next(&mut self) -> Option<Request> {
        loop {
            let kept = Arc::clone(&self.kept);
            let more = kept.more.notified();
            if let Poll::Ready(next) = self.read() {
                kept.room.notify_waiters();
                return next;
            }
            more.await;
        }
    }

    /// Pending while there is nothing to be sent yet.
    fn read(&mut self) -> Poll<Option<Request>> {
        let mut guard = self.kept.state();
        let state = &mut *guard;
        let mut readers = state.readers.iter_mut();
        let Some((_, position)) = readers.find(|(id, _)| *id == self.id) else {
            return Poll::Ready(None);
        };
        if let Some(audio) = state.replay.get(*position) {
            *position += audio.len() as u64;
            state.note_sent();
            state.moved = Instant::now();
            state.release();
            self.said_muted = false;
            return Poll::Ready(Some(Request::Audio(audio)));
        }
        if state.half_closed {
            state.moved = Instant::now();
            return Poll::Ready(None);
        }
        if state.muted && !self.said_muted {
            self.said_muted = true;
            return Poll::Ready(Some(Request::Muted(Muted {})));
        }
        Poll::Pending
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.kept.part_with(self.id);
    }
}
