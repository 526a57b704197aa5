//! How well the server keeps up, as sessions see it.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use cpu_time::ThreadTime;

/// The longest that a bulk stream pauses after a tenth of a second of audio: what is
/// left is a trickle, and never a standstill.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How well the server keeps up. Sessions write to it for every result, without a lock;
/// the [monitor](super::monitor) reads it ten times a second.
#[derive(Debug)]
pub(crate) struct Pressure {
    /// What is later than this is late.
    limit: Duration,
    results: AtomicU64,
    late: AtomicU64,
    slow: AtomicU64,
    /// Nanoseconds that a task waits for its turn.
    turn: AtomicU64,
    /// Nanoseconds of work on recordings.
    bulk_work: AtomicU64,
    /// Nanoseconds that a bulk stream pauses.
    bulk_pause: AtomicU64,
}

/// What happened since the server began, or in some time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Results of live streams.
    pub(super) results: u64,
    /// Of these, the ones later than `overload.lag`.
    pub(super) late: u64,
    /// And those later than half of it.
    pub(super) slow: u64,
    /// Work on recordings.
    pub(super) bulk_work: Duration,
}

impl Pressure {
    pub(super) fn new(limit: Duration) -> Self {
        Self {
            limit,
            results: AtomicU64::new(0),
            late: AtomicU64::new(0),
            slow: AtomicU64::new(0),
            turn: AtomicU64::new(0),
            bulk_work: AtomicU64::new(0),
            bulk_pause: AtomicU64::new(0),
        }
    }

    /// A result of a live stream is handed over, so long after the session got the
    /// audio that it needs. Before and after that the connection's task waits for its
    /// turn, too, which no session sees.
    pub(crate) fn told(&self, lag: Duration) {
        let lag = lag + 2 * Duration::from_nanos(self.turn.load(Relaxed));
        self.results.fetch_add(1, Relaxed);
        if lag > self.limit {
            self.late.fetch_add(1, Relaxed);
        }
        if lag > self.limit / 2 {
            self.slow.fetch_add(1, Relaxed);
        }
    }

    /// Time was spent on a recording.
    pub(crate) fn worked_on_bulk(&self, time: Duration) {
        self.bulk_work.fetch_add(nanos(time), Relaxed);
    }

    /// Does `work` on a recording, and counts the processor time that it takes.
    pub(crate) fn on_bulk<T>(&self, work: impl FnOnce() -> T) -> T {
        let began = ThreadTime::try_now();
        let done = work();
        if let Ok(spent) = began.and_then(|began| began.try_elapsed()) {
            self.worked_on_bulk(spent);
        }
        done
    }

    /// How long a bulk stream pauses now after each tenth of a second of audio.
    pub(crate) fn bulk_pause(&self) -> Duration {
        Duration::from_nanos(self.bulk_pause.load(Relaxed))
    }

    pub(super) fn pause_bulk(&self, pause: Duration) {
        self.bulk_pause.store(nanos(pause), Relaxed);
    }

    /// Tasks wait so long for their turns.
    pub(super) fn turns_take(&self, wait: Duration) {
        self.turn.store(nanos(wait), Relaxed);
    }

    /// Everything since the server began.
    pub(super) fn seen(&self) -> Seen {
        Seen {
            results: self.results.load(Relaxed),
            late: self.late.load(Relaxed),
            slow: self.slow.load(Relaxed),
            bulk_work: Duration::from_nanos(self.bulk_work.load(Relaxed)),
        }
    }
}

impl Seen {
    /// What happened since `earlier`.
    pub(super) fn since(self, earlier: Self) -> Self {
        Self {
            results: self.results.saturating_sub(earlier.results),
            late: self.late.saturating_sub(earlier.late),
            slow: self.slow.saturating_sub(earlier.slow),
            bulk_work: self.bulk_work.saturating_sub(earlier.bulk_work),
        }
    }

    /// More than one in twenty results is late, and there are enough to say so.
    pub(super) fn is_late(self) -> bool {
        self.results >= SHARE && self.late * SHARE > self.results
    }

    /// More than one in twenty results is slow, and there are enough to say so.
    pub(super) fn is_slow(self) -> bool {
        self.results >= SHARE && self.slow * SHARE > self.results
    }
}

/// One in so many results may be late.
const SHARE: u64 = 20;

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn after(lags: impl IntoIterator<Item = u32>) -> Seen {
        let pressure = Pressure::new(50 * MS);
        for lag in lags {
            pressure.told(lag * MS);
        }
        pressure.seen()
    }

    #[test]
    fn one_late_result_in_twenty_is_no_pressure() {
        assert!(!after((0..100).map(|at| if at < 5 { 51 } else { 1 })).is_late());
        assert!(after((0..100).map(|at| if at < 6 { 51 } else { 1 })).is_late());
        assert!(after((0..100).map(|at| if at < 6 { 26 } else { 1 })).is_slow());
        assert!(!after((0..100).map(|_| 25)).is_slow());
        // A few streams that hiccup are no load.
        assert!(!after([1_000; 19]).is_late());
        assert!(after([1_000; 20]).is_late());
    }

    #[test]
    fn waiting_for_a_turn_counts_twice() {
        let pressure = Pressure::new(50 * MS);
        pressure.turns_take(20 * MS);
        pressure.told(10 * MS);
        assert_eq!(pressure.seen().late, 0);
        pressure.told(11 * MS);
        assert_eq!(pressure.seen().late, 1);
    }

    #[test]
    fn work_on_recordings_counts_as_long_as_it_keeps_a_processor() {
        let pressure = Pressure::new(50 * MS);
        let busy = ThreadTime::now();
        pressure.on_bulk(|| while busy.elapsed() < 10 * MS {});
        let spent = busy.elapsed();
        let counted = pressure.seen().bulk_work;
        assert!(
            counted > 9 * MS && counted <= spent,
            "{counted:?} of {spent:?}"
        );
    }

    #[test]
    fn what_happened_meanwhile_is_the_difference() {
        let pressure = Pressure::new(50 * MS);
        pressure.told(60 * MS);
        let earlier = pressure.seen();
        pressure.told(30 * MS);
        pressure.worked_on_bulk(MS);
        let seen = pressure.seen().since(earlier);
        let expected = Seen {
            results: 1,
            late: 0,
            slow: 1,
            bulk_work: MS,
        };
        assert_eq!(seen, expected);
    }
}
