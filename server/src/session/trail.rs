//! What is measured of one window on its way from the front end to its result.

use std::time::Duration;

use tokio::time::Instant;

/// Travels with a window.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Trail {
    /// When the chunk was taken that made the window's result computable.
    computable: Instant,
}

impl Trail {
    /// Of a window that the chunk taken at `computable` has completed.
    pub(super) fn new(computable: Instant) -> Self {
        Self { computable }
    }

    /// How long the result has taken so far. `unblocked` is when the client last
    /// went on reading after it had kept the session waiting, which is none of the
    /// server's time.
    pub(super) fn lag(&self, unblocked: Option<Instant>) -> Duration {
        let since = unblocked.map_or(self.computable, |unblocked| unblocked.max(self.computable));
        since.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn time_that_the_client_takes_is_not_lag() {
        let trail = Trail::new(Instant::now());
        let second = Duration::from_secs(1);
        advance(second).await;
        assert_eq!(trail.lag(None), second);
        let earlier = Instant::now() - 2 * second;
        assert_eq!(trail.lag(Some(earlier)), second);
        advance(second).await;
        let unblocked = Some(Instant::now());
        advance(second / 2).await;
        assert_eq!(trail.lag(unblocked), second / 2);
    }
}
