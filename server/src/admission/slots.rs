//! A limit on what is open at once.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Refusal;
use crate::Error;

/// A limit on what is open at once.
#[derive(Debug)]
pub(super) struct Slots {
    what: &'static str,
    refusal: Refusal,
    limit: usize,
    free: Arc<Semaphore>,
}

/// Places under a limit, free again when dropped.
pub(super) type Slot = OwnedSemaphorePermit;

impl Slots {
    pub(super) fn new(what: &'static str, refusal: Refusal, limit: usize) -> Self {
        let limit = limit.min(Semaphore::MAX_PERMITS);
        Self {
            what,
            refusal,
            limit,
            free: Arc::new(Semaphore::new(limit)),
        }
    }

    /// How many places are taken.
    pub(super) fn open(&self) -> usize {
        self.limit - self.free.available_permits()
    }

    /// # Errors
    ///
    /// [`Error::TooMany`] when so many aren't free.
    pub(super) fn take(&self, count: usize) -> Result<Slot, Error> {
        let permits = u32::try_from(count).unwrap_or(u32::MAX);
        Arc::clone(&self.free)
            .try_acquire_many_owned(permits)
            .map_err(|_| Error::TooMany {
                what: self.what.to_owned(),
                open: self.open(),
                limit: self.limit,
                refusal: Some(self.refusal),
            })
    }
}
