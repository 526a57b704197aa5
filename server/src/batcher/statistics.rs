//! What a model has computed since it was loaded.

use std::{
    array,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use ser_backend::MAX_ROWS;

/// Counted by the workers as they go. Each number is right by itself; those that
/// are read together may be a batch apart.
#[derive(Debug)]
pub(super) struct Statistics {
    succeeded: Time,
    failed: Time,
    queued: Time,
    /// By rows in a batch, from 1 on.
    batches: [BatchTimes; MAX_ROWS],
    /// Milliseconds since 1970.
    last: AtomicU64,
}

/// What the statistics were when they were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Rows computed, from being queued on.
    pub succeeded: Total,
    /// Rows on which the model failed, likewise.
    pub failed: Total,
    /// Rows that waited for their batch.
    pub queued: Total,
    /// Batches by their rows, as far as there were any.
    pub batches: Vec<BatchTotals>,
    /// When the last batch was computed.
    pub last: Option<SystemTime>,
}

/// Batches of equally many rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchTotals {
    /// Rows in a batch.
    pub rows: usize,
    /// Copying rows in.
    pub input: Total,
    /// Calling the model.
    pub inference: Total,
}

/// How often, and how long in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total {
    /// How often.
    pub count: u64,
    /// How long in all.
    pub time: Duration,
}

/// The moments of a batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moments {
    pub(super) taken: Instant,
    pub(super) called: Instant,
    pub(super) returned: Instant,
}

#[derive(Debug, Default)]
struct Time {
    count: AtomicU64,
    nanos: AtomicU64,
}

#[derive(Debug, Default)]
struct BatchTimes {
    input: Time,
    inference: Time,
}

impl Statistics {
    pub(super) fn new() -> Self {
        Self {
            succeeded: Time::default(),
            failed: Time::default(),
            queued: Time::default(),
            batches: array::from_fn(|_| BatchTimes::default()),
            last: AtomicU64::new(0),
        }
    }

    /// Counts a batch of the rows that were queued `since`.
    pub(super) fn computed(&self, since: impl ExactSizeIterator<Item = Instant>, at: Moments) {
        let Some(batch) = since
            .len()
            .checked_sub(1)
            .and_then(|at| self.batches.get(at))
        else {
            return;
        };
        for since in since {
            self.queued.add(at.taken.saturating_duration_since(since));
            self.succeeded
                .add(at.returned.saturating_duration_since(since));
        }
        batch.input.add(at.called - at.taken);
        batch.inference.add(at.returned - at.called);
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        self.last
            .store(u64::try_from(now.as_millis()).unwrap_or(u64::MAX), Relaxed);
    }

    /// Counts a row that failed alone.
    pub(super) fn failed(&self, since: Instant) {
        self.failed.add(since.elapsed());
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let batches = (1..).zip(&self.batches).map(|(rows, times)| BatchTotals {
            rows,
            input: times.input.total(),
            inference: times.inference.total(),
        });
        let last = self.last.load(Relaxed);
        Snapshot {
            succeeded: self.succeeded.total(),
            failed: self.failed.total(),
            queued: self.queued.total(),
            batches: batches.filter(|batch| batch.inference.count > 0).collect(),
            last: (last > 0).then(|| UNIX_EPOCH + Duration::from_millis(last)),
        }
    }
}

impl Snapshot {
    /// Batches computed.
    #[must_use]
    pub fn executions(&self) -> u64 {
        self.batches.iter().map(|batch| batch.inference.count).sum()
    }

    /// What `part` of all batches took, counted once for each row in them.
    #[must_use]
    pub fn of_rows(&self, part: impl Fn(&BatchTotals) -> Total) -> Total {
        let mut all = Total::default();
        for batch in &self.batches {
            let (part, rows) = (part(batch), u32::try_from(batch.rows).unwrap_or(u32::MAX));
            all.count += part.count * u64::from(rows);
            all.time += part.time * rows;
        }
        all
    }
}

impl Time {
    fn add(&self, time: Duration) {
        self.count.fetch_add(1, Relaxed);
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.nanos.fetch_add(nanos, Relaxed);
    }

    fn total(&self) -> Total {
        Total {
            count: self.count.load(Relaxed),
            time: Duration::from_nanos(self.nanos.load(Relaxed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn batches_are_counted_by_their_rows() {
        let statistics = Statistics::new();
        let start = Instant::now();
        let at = Moments {
            taken: start + 3 * MS,
            called: start + 4 * MS,
            returned: start + 9 * MS,
        };
        statistics.computed([start, start + MS].into_iter(), at);
        statistics.computed([start].into_iter(), at);

        let seen = statistics.snapshot();
        let total = |count, millis| Total {
            count,
            time: millis * MS,
        };
        assert_eq!(seen.queued, total(3, 3 + 2 + 3));
        assert_eq!(seen.succeeded, total(3, 9 + 8 + 9));
        assert_eq!(seen.failed, total(0, 0));
        assert_eq!(seen.executions(), 2);
        assert_eq!(
            seen.batches,
            [1, 2].map(|rows| BatchTotals {
                rows,
                input: total(1, 1),
                inference: total(1, 5),
            })
        );
        assert_eq!(seen.of_rows(|batch| batch.inference), total(3, 5 + 2 * 5));
        assert!(seen.last.is_some());
    }

    #[test]
    fn before_the_first_batch_there_is_nothing() {
        assert_eq!(Statistics::new().snapshot(), Snapshot::default());
    }
}
