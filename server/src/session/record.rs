//! What a stream leaves in metrics when it ends.

use std::sync::Arc;

use tonic::Code;

use crate::telemetry::{Metrics, Open};

/// What a stream leaves in metrics when it ends.
#[derive(Debug)]
pub(super) struct Record {
    metrics: Arc<Metrics>,
    _open: Open,
}

impl Record {
    pub(super) fn new(metrics: Arc<Metrics>, open: Open) -> Self {
        Self {
            metrics,
            _open: open,
        }
    }

    /// The stream ends.
    pub(super) fn end(&mut self, code: Code) {
        self.metrics.stream_ended(code);
    }
}
