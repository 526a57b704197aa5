//! What a model has computed, in Triton's words.

use std::time::{Duration, UNIX_EPOCH};

use ser_proto::inference::{
    InferBatchStatistics, InferStatistics, ModelStatistics, StatisticDuration,
};

use super::target::Target;
use crate::batcher::{BatchTotals, Snapshot, Total};

/// The statistics of a model. Both forms of a model share its batches.
pub(super) fn message(target: &Target) -> ModelStatistics {
    let seen = target.model.batcher().statistics();
    let since_epoch = seen
        .last
        .and_then(|last| last.duration_since(UNIX_EPOCH).ok());
    ModelStatistics {
        name: target.name(),
        version: target.model.manifest().version.clone(),
        last_inference: since_epoch.map_or(0, |time| at_most_u64(time.as_millis())),
        inference_count: seen.succeeded.count,
        execution_count: seen.executions(),
        inference_stats: Some(of_rows(&seen)),
        batch_stats: seen.batches.iter().map(of_batches).collect(),
    }
}

fn of_rows(seen: &Snapshot) -> InferStatistics {
    InferStatistics {
        success: Some(duration(seen.succeeded)),
        fail: Some(duration(seen.failed)),
        queue: Some(duration(seen.queued)),
        compute_input: Some(duration(seen.of_rows(|batch| batch.input))),
        compute_infer: Some(duration(seen.of_rows(|batch| batch.inference))),
        // Within the model's call, so that nothing is left; but Triton's load generator
        // insists on as many.
        compute_output: Some(duration(Total {
            time: Duration::ZERO,
            ..seen.of_rows(|batch| batch.inference)
        })),
    }
}

fn of_batches(totals: &BatchTotals) -> InferBatchStatistics {
    InferBatchStatistics {
        batch_size: totals.rows as u64,
        compute_input: Some(duration(totals.input)),
        compute_infer: Some(duration(totals.inference)),
    }
}

fn duration(total: Total) -> StatisticDuration {
    StatisticDuration {
        count: total.count,
        ns: at_most_u64(total.time.as_nanos()),
    }
}

/// As many as the protocol can say.
fn at_most_u64(count: u128) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
