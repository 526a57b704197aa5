//! Lines about what others cause.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Lines that may be written at once.
const BURST: u32 = 10;
/// From one line to the next while more is refused than that.
const INTERVAL: Duration = Duration::from_secs(6);

/// Limits how often the log is told of refusals, or other ends, of one kind: whoever
/// causes them must not be able to fill a disk. What isn't told is counted.
#[derive(Debug)]
pub(crate) struct Audit(Mutex<Budget>);

#[derive(Debug)]
struct Budget {
    lines: u32,
    /// When `lines` was last added to.
    filled: Instant,
    untold: u64,
}

impl Audit {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Budget {
            lines: BURST,
            filled: Instant::now(),
            untold: 0,
        }))
    }

    /// Whether there may be a line now: then, how many of its kind went without one
    /// since the last.
    pub(crate) fn line(&self) -> Option<u64> {
        // It is never left half changed.
        let mut budget = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        budget.fill(Instant::now());
        if budget.lines == 0 {
            budget.untold += 1;
            return None;
        }
        budget.lines -= 1;
        Some(std::mem::take(&mut budget.untold))
    }
}

impl Budget {
    fn fill(&mut self, now: Instant) {
        let passed = now.duration_since(self.filled).as_secs() / INTERVAL.as_secs();
        let lines = u32::try_from(passed).unwrap_or(BURST);
        if lines >= BURST {
            self.lines = BURST;
            self.filled = now;
        } else {
            self.lines = BURST.min(self.lines + lines);
            self.filled += INTERVAL * lines;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn told(audit: &Audit, refusals: u32) -> Vec<u64> {
        (0..refusals).filter_map(|_| audit.line()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_counted_and_not_told() {
        let audit = Audit::new();
        assert_eq!(told(&audit, 1_000), [0; BURST as usize]);
        advance(INTERVAL).await;
        assert_eq!(told(&audit, 1_000), [990]);
        advance(INTERVAL / 2).await;
        assert_eq!(audit.line(), None);
        advance(INTERVAL / 2).await;
        assert_eq!(audit.line(), Some(1_000));
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_while_there_may_be_as_many_as_at_first() {
        let audit = Audit::new();
        told(&audit, 1_000);
        advance(INTERVAL * 1_000).await;
        assert_eq!(told(&audit, 100).len(), BURST as usize);
    }
}
