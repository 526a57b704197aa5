//! What became of the streams.

use std::{
    collections::BTreeMap,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hdrhistogram::Histogram;

use crate::{failure::Failure, misfit::Misfit};

/// What became of the streams.
#[derive(Default)]
pub(crate) struct Tally(Mutex<State>);

#[derive(Default)]
struct State {
    times: Times,
    counts: Counts,
}

/// In microseconds.
#[derive(Clone)]
pub(crate) struct Times {
    /// How far results lag behind.
    pub(crate) lag: Histogram<u64>,
    /// How long streams waited to hear that there is no room.
    pub(crate) refused: Histogram<u64>,
}

/// Streams since the beginning.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) good: u64,
    pub(crate) misfits: BTreeMap<Misfit, u64>,
    pub(crate) refused: u64,
    pub(crate) failures: u64,
}

impl Default for Times {
    fn default() -> Self {
        // Up to ten minutes, to three digits.
        let empty = Histogram::new_with_bounds(1, 600_000_000, 3).expect("constant bounds");
        Self {
            lag: empty.clone(),
            refused: empty,
        }
    }
}

impl Tally {
    pub(crate) fn lag(&self, lag: Duration) {
        self.lock().times.lag.saturating_record(micros(lag));
    }

    pub(crate) fn refused(&self, after: Duration) {
        let mut state = self.lock();
        state.times.refused.saturating_record(micros(after));
        state.counts.refused += 1;
    }

    pub(crate) fn good(&self, place: usize, outcome: &Result<(), Failure>) {
        let mut state = self.lock();
        match outcome {
            Ok(()) => state.counts.good += 1,
            Err(Failure::Refused { .. }) => {}
            Err(error) => {
                state.counts.failures += 1;
                eprintln!("good stream {place}: {error}");
            }
        }
    }

    pub(crate) fn misfit(&self, misfit: Misfit, outcome: &Result<(), Failure>) {
        let mut state = self.lock();
        match outcome {
            Ok(()) => *state.counts.misfits.entry(misfit).or_default() += 1,
            Err(Failure::Refused { .. }) => {}
            Err(error) => {
                state.counts.failures += 1;
                eprintln!("{misfit:?}: {error}");
            }
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        self.lock().counts.clone()
    }

    /// Those since this was asked for last.
    pub(crate) fn take_times(&self) -> Times {
        mem::take(&mut self.lock().times)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
