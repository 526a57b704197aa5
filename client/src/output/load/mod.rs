//! What a load did: a table for people, JSON lines for programs, a picture.

pub(crate) mod json;
pub(crate) mod plot;
pub(crate) mod table;

use std::time::Duration;

pub(crate) use json::BENCH_HELP;

use crate::commands::bench::{Step, Tally};

/// How streams failed, and how many, fit to be printed.
pub(crate) fn statuses(tally: &Tally) -> String {
    let errors = tally.errors.iter();
    let errors: Vec<_> = errors
        .map(|(status, streams)| format!("{streams} {status}"))
        .collect();
    errors.join(", ")
}

/// The most streams that went well within `max_lag`.
fn sustained(steps: &[Step], max_lag: Duration) -> Option<usize> {
    let good = steps.iter().filter(|step| step.is_within(max_lag));
    good.map(|step| step.streams).max()
}

/// Of all results in percent, those with speech, whose rows reached the model.
fn speech_percent(tally: &Tally) -> Option<f64> {
    let came = tally.results();
    (came > 0).then(|| (came - tally.no_speech) as f64 * 100.0 / came as f64)
}
