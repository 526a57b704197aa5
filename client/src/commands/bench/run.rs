//! What the streams of one step share.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

use tokio::sync::watch;

/// When streams speak, and what of it is measured. Asked for every chunk of thousands
/// of streams, so without a lock.
#[derive(Debug)]
pub(super) struct Run {
    origin: Instant,
    streams: usize,
    /// What is due from then on is measured, in nanoseconds after the origin.
    from: AtomicU64,
    /// What is due from then on is no longer sent.
    until: AtomicU64,
    results: AtomicU64,
    /// Streams that have opened, or failed to.
    settled: watch::Sender<usize>,
    phase: watch::Sender<Phase>,
}

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Going,
    /// Nothing more is sent or opened. What was sent is still answered.
    Ended,
    GivenUp,
}

impl Run {
    /// Of so many streams, which speak from now on and without an end.
    pub(super) fn new(streams: usize) -> Self {
        Self {
            origin: Instant::now(),
            streams,
            from: AtomicU64::new(u64::MAX),
            until: AtomicU64::new(u64::MAX),
            results: AtomicU64::new(0),
            settled: watch::Sender::new(0),
            phase: watch::Sender::new(Phase::Going),
        }
    }

    /// Measures what is due from `from` on, for `duration`.
    pub(super) fn measure(&self, from: Instant, duration: Duration) {
        self.until.store(self.nanos(from + duration), Relaxed);
        self.from.store(self.nanos(from), Relaxed);
    }

    /// Ends it now, if what is measured doesn't lie behind it anyway.
    pub(super) fn end(&self) {
        self.until.fetch_min(self.nanos(Instant::now()), Relaxed);
        self.enter(Phase::Ended);
    }

    /// Waits for [`end`](Self::end).
    pub(super) async fn ended(&self) {
        self.reach(Phase::Ended).await;
    }

    /// How much time was measured.
    pub(super) fn measured(&self) -> Duration {
        let now = self.nanos(Instant::now());
        let until = self.until.load(Relaxed).min(now);
        Duration::from_nanos(until.saturating_sub(self.from.load(Relaxed)))
    }

    pub(super) fn measures(&self, due: Instant) -> bool {
        let due = self.nanos(due);
        (self.from.load(Relaxed)..self.until.load(Relaxed)).contains(&due)
    }

    pub(super) fn is_over(&self, due: Instant) -> bool {
        self.nanos(due) >= self.until.load(Relaxed)
    }

    /// When the `index`-th stream begins that opens now: streams are spread evenly
    /// over a hop, so that their results don't all fall due at once.
    pub(super) fn start_of(&self, index: usize, hop: Duration) -> Instant {
        let now = Instant::now();
        if hop.is_zero() {
            return now;
        }
        let place = hop.mul_f64(index as f64 / self.streams as f64);
        let elapsed = now.saturating_duration_since(self.origin);
        let hops = elapsed
            .saturating_sub(place)
            .as_nanos()
            .div_ceil(hop.as_nanos());
        self.origin + place + hop * u32::try_from(hops).unwrap_or(u32::MAX)
    }

    pub(super) fn settle(&self, streams: usize) {
        self.settled.send_modify(|settled| *settled += streams);
    }

    /// Waits until every stream has opened, or failed to.
    pub(super) async fn all_settled(&self) {
        let mut settled = self.settled.subscribe();
        // It can't fail while `self` holds the sender.
        let _ = settled.wait_for(|settled| *settled >= self.streams).await;
    }

    pub(super) fn settled(&self) -> usize {
        *self.settled.borrow()
    }

    pub(super) fn count_result(&self) {
        self.results.fetch_add(1, Relaxed);
    }

    pub(super) fn results(&self) -> u64 {
        self.results.load(Relaxed)
    }

    /// Gives up the streams that haven't ended.
    pub(super) fn give_up(&self) {
        self.enter(Phase::GivenUp);
    }

    /// Waits until the streams are given up.
    pub(super) async fn given_up(&self) {
        self.reach(Phase::GivenUp).await;
    }

    fn enter(&self, next: Phase) {
        self.phase.send_modify(|phase| *phase = next.max(*phase));
    }

    async fn reach(&self, wanted: Phase) {
        let mut phase = self.phase.subscribe();
        let _ = phase.wait_for(|phase| *phase >= wanted).await;
    }

    fn nanos(&self, instant: Instant) -> u64 {
        let nanos = instant.saturating_duration_since(self.origin).as_nanos();
        u64::try_from(nanos).unwrap_or(u64::MAX - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn what_is_due_within_the_duration_is_measured() {
        let run = Run::new(1);
        let start = run.origin + 500 * MS;
        assert!(!run.measures(start) && !run.is_over(start));
        run.measure(start, 100 * MS);
        assert!(!run.measures(start - MS));
        assert!(run.measures(start) && run.measures(start + 99 * MS));
        assert!(!run.measures(start + 100 * MS));
        assert!(!run.is_over(start + 99 * MS) && run.is_over(start + 100 * MS));
        assert_eq!(run.measured(), Duration::ZERO, "it hasn't begun");
        run.end();
        assert!(run.is_over(start));
    }

    #[test]
    fn a_run_that_ends_early_measures_nothing() {
        let run = Run::new(1);
        run.end();
        let later = run.origin + 1_000 * MS;
        assert!(run.is_over(later) && !run.measures(later));
    }

    #[test]
    fn streams_begin_soon_and_spread_over_a_hop() {
        let mut run = Run::new(4);
        // As if it had begun 1,230 ms ago: the third of its hops is at 1,500 ms.
        let now = Instant::now();
        run.origin = now.checked_sub(1_230 * MS).unwrap();
        let places = (0..4).map(|index| {
            let start = run.start_of(index, 500 * MS);
            assert!(start >= now && start < Instant::now() + 500 * MS);
            (start - run.origin).as_millis() % 500
        });
        assert_eq!(places.collect::<Vec<_>>(), [0, 125, 250, 375]);
    }
}
