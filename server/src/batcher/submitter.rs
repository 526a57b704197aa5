//! One stream's way into the queue.

use super::{
    Batcher,
    rounds::Round,
    row::{Pace, PendingRow, RowBuffers, RowError},
};
use crate::telemetry::WindowSpan;

/// The rows of one stream, which take turns with those of all others.
#[derive(Debug)]
pub struct Submitter {
    batcher: Batcher,
    pace: Pace,
    next: Round,
}

impl Submitter {
    pub(super) fn new(batcher: Batcher, pace: Pace) -> Self {
        Self {
            batcher,
            pace,
            next: Round::default(),
        }
    }

    /// Queues a row, of a window that is traced if it has a span; waits while the queue has no place for its pace. How long
    /// that can take is bounded: each call of the model ends, or fails the model,
    /// within [`BatcherConfig::call_deadline`](crate::config::BatcherConfig::call_deadline).
    ///
    /// # Errors
    ///
    /// [`RowError::ModelDown`] if the model is down or goes down meanwhile;
    /// [`RowError::Failed`] if the row isn't of the model's shape.
    pub async fn submit(
        &mut self,
        row: RowBuffers,
        span: Option<WindowSpan>,
    ) -> Result<PendingRow, RowError> {
        let shared = &self.batcher.owner.shared;
        shared.submit(row, self.pace, &mut self.next, span).await
    }
}
