//! What became of the streams.

use std::{
    collections::BTreeMap,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hdrhistogram::Histogram;

use crate::misfit::Misfit;

/// What became of the streams.
#[derive(Default)]
pub(crate) struct Tally(Mutex<State>);

struct State {
    lag: Histogram<u64>,
    counts: Counts,
}

/// Streams since the beginning.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) good: u64,
    pub(crate) misfits: BTreeMap<Misfit, u64>,
    pub(crate) failures: u64,
}

impl Default for State {
    fn default() -> Self {
        Self {
            // Microseconds, up to ten minutes, to three digits.
            lag: Histogram::new_with_bounds(1, 600_000_000, 3).expect("constant bounds"),
            counts: Counts::default(),
        }
    }
}

impl Tally {
    pub(crate) fn lag(&self, lag: Duration) {
        let micros = u64::try_from(lag.as_micros()).unwrap_or(u64::MAX);
        self.lock().lag.saturating_record(micros);
    }

    pub(crate) fn good(&self, place: usize, outcome: Result<(), String>) {
        let mut state = self.lock();
        match outcome {
            Ok(()) => state.counts.good += 1,
            Err(error) => {
                state.counts.failures += 1;
                eprintln!("good stream {place}: {error}");
            }
        }
    }

    pub(crate) fn misfit(&self, misfit: Misfit, outcome: Result<(), String>) {
        let mut state = self.lock();
        match outcome {
            Ok(()) => *state.counts.misfits.entry(misfit).or_default() += 1,
            Err(error) => {
                state.counts.failures += 1;
                eprintln!("{misfit:?}: {error}");
            }
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        self.lock().counts.clone()
    }

    /// Lag in microseconds since this was asked for last.
    pub(crate) fn take_lag(&self) -> Histogram<u64> {
        let mut state = self.lock();
        let empty = State::default().lag;
        mem::replace(&mut state.lag, empty)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
