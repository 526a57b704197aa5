//! How long a server that failed is left alone.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use tokio::time::Instant;

const PAUSES: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(50))
    .with_max_delay(Duration::from_secs(5))
    .with_jitter()
    .without_max_times();

/// No server is left alone for longer, whatever it asks for.
const LONGEST: Duration = Duration::from_secs(3_600);

/// Whether a server is passed over, and until when.
#[derive(Debug)]
pub(super) struct Rest {
    until: Option<Instant>,
    pauses: <ExponentialBuilder as BackoffBuilder>::Backoff,
}

impl Rest {
    pub(super) fn new() -> Self {
        Self {
            until: None,
            pauses: PAUSES.build(),
        }
    }

    /// The end of the rest, over or not, of a server that is not known to work.
    pub(super) fn until(&self) -> Option<Instant> {
        self.until
    }

    /// Rests for `at_least` as long, longer with each failure. The failures of many
    /// calls at once count as one.
    pub(super) fn begin(&mut self, now: Instant, at_least: Duration) {
        let until = match self.until {
            Some(until) if until > now => until,
            _ => now + self.pauses.next().unwrap_or_default(),
        };
        self.until = Some(until.max(now + at_least.min(LONGEST)));
    }

    /// Whether it is time to see if the server is back. Whoever is told so does it:
    /// the others wait for another pause.
    pub(super) fn take_over(&mut self, now: Instant) -> bool {
        let over = self.until.is_some_and(|until| until <= now);
        if over {
            self.begin(now, Duration::ZERO);
        }
        over
    }

    /// The server can be reached.
    pub(super) fn end(&mut self) {
        self.until = None;
    }

    /// The server does what it is asked to: its next failure is the first.
    pub(super) fn forget(&mut self) {
        *self = Self::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn failures_at_once_count_as_one() {
        let now = Instant::now();
        let mut rest = Rest::new();
        rest.begin(now, Duration::ZERO);
        let until = rest.until();
        for _ in 0..100 {
            rest.begin(now, Duration::ZERO);
        }
        assert_eq!(rest.until(), until);
    }

    #[test]
    fn rests_grow_to_a_limit_until_the_server_works() {
        let mut now = Instant::now();
        let mut rest = Rest::new();
        let mut pauses = Vec::new();
        for _ in 0..12 {
            rest.begin(now, Duration::ZERO);
            let until = rest.until().unwrap();
            pauses.push(until - now);
            now = until;
        }
        // Jitter at most doubles a pause.
        assert!(pauses[0] >= Duration::from_millis(50), "{pauses:?}");
        assert!(pauses[0] < Duration::from_millis(100), "{pauses:?}");
        assert!(pauses[11] >= 5 * SECOND, "{pauses:?}");
        assert!(pauses[11] < 10 * SECOND, "{pauses:?}");

        rest.forget();
        assert_eq!(rest.until(), None);
        rest.begin(now, Duration::ZERO);
        assert!(rest.until().unwrap() - now < Duration::from_millis(100));
    }

    #[test]
    fn a_server_may_ask_for_a_longer_rest() {
        let now = Instant::now();
        let mut rest = Rest::new();
        for asked in [20 * SECOND, 60 * SECOND] {
            rest.begin(now, asked);
            assert_eq!(rest.until(), Some(now + asked));
        }
        rest.begin(now, Duration::MAX);
        assert_eq!(rest.until(), Some(now + LONGEST));
    }

    #[test]
    fn one_looks_whether_the_server_is_back() {
        let now = Instant::now();
        let mut rest = Rest::new();
        assert!(!rest.take_over(now), "it does not rest");
        rest.begin(now, SECOND);
        assert!(!rest.take_over(now));
        assert!(rest.take_over(now + SECOND));
        assert!(!rest.take_over(now + SECOND), "somebody looks already");
    }
}
