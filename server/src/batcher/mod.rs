//! Where streams meet: rows of all open streams become batches of one model.
//!
//! A bounded queue feeds the model's worker threads, each of which owns one
//! instance. A worker takes up to [`MAX_ROWS`] rows, waiting at most
//! [`BatcherConfig::max_wait`] after the oldest row's arrival for more. Live rows go
//! first and bulk rows fill the places they leave; of a batch that live rows
//! alone would fill, one place is for bulk rows, so that these never starve. Of the
//! rows of one pace a batch takes one of each stream in turn, so that a stream with
//! many doesn't delay the others.
//!
//! What fails, ends as little as possible:
//!
//! - A batch that fails is run again row by row, and a row that fails alone is
//!   answered [`RowError::Failed`]. So is a row with an output that isn't
//!   finite.
//! - A worker whose model panics goes on with a new instance, and its batch is
//!   run again row by row. More than [`MAX_REPLACEMENTS`] of those within
//!   [`REPLACEMENT_PERIOD`] fail the model.
//! - A call that takes longer than [`BatcherConfig::call_deadline`] fails the model.
//!   Its thread can't be stopped, so it is abandoned and never waited for.
//!
//! A model that has failed stays down: every row, queued or being computed, is
//! answered [`RowError::ModelDown`] at once, and so is every later one.
//!
//! [`MAX_ROWS`]: ser_backend::MAX_ROWS

mod queue;
mod rounds;
mod row;
mod shared;
mod spare;
mod state;
mod statistics;
mod submitter;
mod worker;

#[cfg(test)]
mod tests;

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use ser_backend::Model;
use tokio::sync::watch;

pub use row::{Pace, PendingRow, RowBuffers, RowError};
pub use spare::{MAX_REPLACEMENTS, REPLACEMENT_PERIOD};
pub use statistics::{BatchTotals, Snapshot, Total};
pub use submitter::Submitter;

use crate::{
    Error,
    config::BatcherConfig,
    telemetry::{ModelMetrics, WindowSpan},
    threads::spawn,
};
use shared::Shared;
use worker::Worker;

/// The way to a model. Clones share one queue; dropping the last one lets the
/// workers finish what is queued, waits for them at most
/// [`BatcherConfig::call_deadline`], and gives up on what is left.
#[derive(Clone, Debug)]
pub struct Batcher {
    owner: Arc<Owner>,
}

/// Stops the threads when nobody can submit any more.
#[derive(Debug)]
struct Owner {
    shared: Arc<Shared>,
    instances: NonZeroUsize,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl Batcher {
    /// Starts a worker thread for each of `instances` of `model`, which `name`
    /// names in logs. What they do is measured in `metrics`.
    ///
    /// `model` itself is not called any more: instances for the workers, and
    /// later in place of those that panicked, are made from it.
    ///
    /// # Errors
    ///
    /// When an instance or a thread can't be had.
    pub fn start(
        name: &str,
        model: Box<dyn Model>,
        instances: NonZeroUsize,
        config: &BatcherConfig,
        metrics: ModelMetrics,
    ) -> Result<Self, Error> {
        let models = (0..instances.get())
            .map(|_| model.instance())
            .collect::<Result<Vec<_>, _>>()?;
        let shared = Arc::new(Shared::new(name, model, config, metrics));
        // From here on an error drops the owner, which stops the threads.
        let owner = Arc::new(Owner {
            shared: Arc::clone(&shared),
            instances,
        });
        for model in models {
            let worker = Worker::new(Arc::clone(&shared), model);
            spawn("ser-worker", move || worker.run())?;
        }
        spawn("ser-watchdog", move || shared.watch())?;
        Ok(Self { owner })
    }

    /// The way for the rows of one stream.
    #[must_use]
    pub fn submitter(&self, pace: Pace) -> Submitter {
        Submitter::new(self.clone(), pace)
    }

    /// Queues a row that is a stream of its own, as [`Submitter::submit`] does.
    ///
    /// # Errors
    ///
    /// The same.
    pub async fn submit(
        &self,
        row: RowBuffers,
        pace: Pace,
        span: Option<WindowSpan>,
    ) -> Result<PendingRow, RowError> {
        self.submitter(pace).submit(row, span).await
    }

    /// Whether the model is up.
    #[must_use]
    pub fn is_serving(&self) -> bool {
        *self.owner.shared.serving.borrow()
    }

    /// Threads that run the model.
    #[must_use]
    pub fn instances(&self) -> usize {
        self.owner.instances.get()
    }

    /// How long a row may wait for company.
    #[must_use]
    pub fn max_wait(&self) -> Duration {
        self.owner.shared.max_wait()
    }

    /// What the model has computed so far.
    #[must_use]
    pub fn statistics(&self) -> Snapshot {
        self.owner.shared.statistics.snapshot()
    }

    /// Turns false when the model goes down, and never true again.
    #[must_use]
    pub fn serving(&self) -> watch::Receiver<bool> {
        self.owner.shared.serving.subscribe()
    }
}
