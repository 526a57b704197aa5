//! What all streams of a server share.

use std::sync::{Arc, OnceLock};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    Error,
    config::LimitsConfig,
    models::{ModelRegistry, Repository},
    shutdown::Drain,
    telemetry::Metrics,
};

/// What all streams of a server share.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) limits: LimitsConfig,
    pub(crate) streams: Slots,
    pub(crate) clips: Slots,
    pub(crate) drain: Drain,
    pub(crate) metrics: Arc<Metrics>,
    models: OnceLock<Arc<Repository>>,
}

impl Context {
    pub(crate) fn new(limits: LimitsConfig, drain: Drain, metrics: Arc<Metrics>) -> Self {
        Self {
            streams: Slots::new("streams", limits.open_streams.get()),
            clips: Slots::new("clips", limits.open_clips.get()),
            limits,
            drain,
            metrics,
            models: OnceLock::new(),
        }
    }

    /// Lets streams begin. Whoever calls this a second time changes nothing.
    pub(crate) fn serve(&self, models: Repository) -> &Repository {
        self.models.get_or_init(|| Arc::new(models))
    }

    /// # Errors
    ///
    /// [`Error::Loading`].
    pub(crate) fn models(&self) -> Result<&ModelRegistry, Error> {
        self.repository().map(|repository| repository.registry())
    }

    /// # Errors
    ///
    /// [`Error::Loading`].
    pub(crate) fn repository(&self) -> Result<&Arc<Repository>, Error> {
        self.models.get().ok_or(Error::Loading)
    }
}

/// A limit on what is open at once.
#[derive(Debug)]
pub(crate) struct Slots {
    what: &'static str,
    limit: usize,
    free: Arc<Semaphore>,
}

/// Places under a limit, free again when dropped.
pub(crate) type Slot = OwnedSemaphorePermit;

impl Slots {
    fn new(what: &'static str, limit: usize) -> Self {
        let limit = limit.min(Semaphore::MAX_PERMITS);
        Self {
            what,
            limit,
            free: Arc::new(Semaphore::new(limit)),
        }
    }

    /// # Errors
    ///
    /// [`Error::TooMany`] when so many aren't free.
    pub(crate) fn take(&self, count: usize) -> Result<Slot, Error> {
        let permits = u32::try_from(count).unwrap_or(u32::MAX);
        Arc::clone(&self.free)
            .try_acquire_many_owned(permits)
            .map_err(|_| Error::TooMany {
                what: self.what,
                open: self.limit - self.free.available_permits(),
                limit: self.limit,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_come_back_when_dropped() {
        let slots = Slots::new("streams", 3);
        let two = slots.take(2).unwrap();
        let error = slots.take(2).unwrap_err();
        assert_eq!(
            error.to_string(),
            "streams: 2 open; expected at most 3, try again later"
        );
        assert_eq!(error.code(), tonic::Code::ResourceExhausted);
        drop(two);
        drop(slots.take(3).unwrap());
    }
}
