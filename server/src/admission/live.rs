//! How many live streams are open.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use tokio::time::Instant;

use super::overload::Overload;
use crate::{Error, config::OverloadConfig};

/// How many live streams are open, and whether more may begin.
#[derive(Debug)]
pub(super) struct Lives {
    open: AtomicUsize,
    overload: Mutex<Overload>,
}

/// Live streams that are open, until this is dropped.
#[derive(Debug)]
pub(super) struct Live {
    lives: Arc<Lives>,
    begun: Instant,
    count: usize,
}

impl Lives {
    pub(super) fn new(config: &OverloadConfig, cores: usize) -> Self {
        Self {
            open: AtomicUsize::new(0),
            overload: Mutex::new(Overload::new(config, cores)),
        }
    }

    pub(super) fn open(&self) -> usize {
        self.open.load(Relaxed)
    }

    /// Nothing panics while the lock is held, so a poisoned state is a sound one.
    pub(super) fn overload(&self) -> MutexGuard<'_, Overload> {
        self.overload.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets so many begin beside `others`.
    ///
    /// # Errors
    ///
    /// [`Error::Overloaded`].
    pub(super) fn begin(self: &Arc<Self>, count: usize, others: usize) -> Result<Live, Error> {
        let begun = self.overload().begin(count, others)?;
        self.open.fetch_add(count, Relaxed);
        Ok(Live {
            lives: Arc::clone(self),
            begun,
            count,
        })
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.lives.open.fetch_sub(self.count, Relaxed);
        self.lives.overload().withdraw(self.begun, self.count);
    }
}
