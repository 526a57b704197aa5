//! Values that come from files, and follow them when they change.

mod notes;
#[cfg(test)]
mod tests;
mod watch;

use std::{
    path::Path,
    sync::{Arc, PoisonError, RwLock},
};

use tokio_util::task::AbortOnDropHandle;

use crate::{Error, telemetry::Metrics};

pub(crate) use notes::Notes;
use watch::Watch;

/// Where a value comes from.
pub(crate) trait Source: Send + Sync + 'static {
    /// What is made of the files.
    type Value: Send + Sync;

    /// What metrics and the log call it.
    const NAME: &'static str;

    /// What the log calls the listener that it is for.
    fn listener(&self) -> &'static str;

    /// The files.
    fn files(&self) -> Vec<&Path>;

    /// Reads the files.
    ///
    /// # Errors
    ///
    /// Which file, what is wrong with it and what was expected.
    fn load(&self, notes: &mut Notes) -> Result<Self::Value, Error>;

    /// Shows what there is to see of a value that is in force from now on.
    fn measure(&self, _value: &Self::Value, _metrics: &Metrics) {}
}

/// What a [`Source`] held when it could last be read. A change that can't be read
/// changes nothing, and is told.
#[derive(Debug)]
pub(crate) struct Reloaded<T> {
    current: Current<T>,
    _watch: AbortOnDropHandle<()>,
}

/// A value that is exchanged as a whole.
type Current<T> = Arc<RwLock<Arc<T>>>;

impl<T: Send + Sync + 'static> Reloaded<T> {
    /// Reads `source`, and again when it changes, on SIGHUP, and once a day.
    ///
    /// # Errors
    ///
    /// As [`Source::load`].
    pub(crate) fn open(
        source: impl Source<Value = T>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, Error> {
        let (watch, current) = Watch::begin(source, metrics)?;
        Ok(Self {
            current,
            _watch: AbortOnDropHandle::new(tokio::spawn(watch.run())),
        })
    }

    /// The value as it is now. Whoever needs a consistent one keeps it.
    pub(crate) fn now(&self) -> Arc<T> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}
