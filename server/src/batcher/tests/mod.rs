//! A batcher in front of a model that does as the test wants it.

mod doubles;
mod failures;
mod fairness;
mod load;
mod queueing;
mod shutdown;

use std::{
    num::NonZeroUsize,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use ser_backend::{BackendError, Model};

use super::{Batcher, Pace, PendingRow, RowBuffers, RowError};
use crate::{config::BatcherConfig, telemetry::unread};
use doubles::{Echo, Gate, SHAPE, Script};

struct Bench {
    batcher: Batcher,
    model: Echo,
}

fn config() -> BatcherConfig {
    BatcherConfig {
        max_wait: Duration::ZERO,
        queue_rows: NonZeroUsize::new(4096).unwrap(),
        call_deadline: Duration::from_secs(60),
    }
}

/// A deadline that only calls that hang overrun.
fn short_deadline() -> BatcherConfig {
    BatcherConfig {
        call_deadline: Duration::from_millis(200),
        ..config()
    }
}

fn bench(
    instances: usize,
    config: &BatcherConfig,
    before: impl Fn(&[f32]) -> Result<(), BackendError> + Send + Sync + 'static,
) -> Bench {
    bench_with_outputs(instances, config, before, |_| {})
}

fn bench_with_outputs(
    instances: usize,
    config: &BatcherConfig,
    before: impl Fn(&[f32]) -> Result<(), BackendError> + Send + Sync + 'static,
    after: impl Fn(&mut [f32]) + Send + Sync + 'static,
) -> Bench {
    let model = Echo::new(Script {
        before: Box::new(before),
        after: Box::new(after),
    });
    let instances = NonZeroUsize::new(instances).unwrap();
    let metrics = unread().model("echo/1", &[], model.info());
    let batcher = Batcher::start(
        "echo/1",
        Box::new(model.clone()),
        instances,
        config,
        metrics,
    )
    .unwrap();
    Bench { batcher, model }
}

impl Bench {
    async fn submit(&self, mark: f32) -> PendingRow {
        self.submit_at(mark, Pace::Live).await
    }

    async fn submit_at(&self, mark: f32, pace: Pace) -> PendingRow {
        self.batcher.submit(row(mark), pace, None).await.unwrap()
    }

    fn calls(&self) -> Vec<Vec<f32>> {
        self.model.calls.lock().unwrap().clone()
    }

    fn instances(&self) -> usize {
        self.model.instances.load(Ordering::Relaxed)
    }
}

/// A row that `mark` tells from others.
fn row(mark: f32) -> RowBuffers {
    RowBuffers {
        features: vec![mark, 0.5],
        ..RowBuffers::new(SHAPE)
    }
}

/// What tells a computed row from others.
fn mark(answer: Result<RowBuffers, RowError>) -> Result<f32, RowError> {
    answer.map(|row| row.posteriors[0])
}
