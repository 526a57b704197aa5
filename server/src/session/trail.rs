//! What is measured of one window on its way from the front end to its result.

use std::time::Duration;

use tokio::time::Instant;

use super::lane::Span;
use crate::telemetry::{CallSpan, WindowSpan};

/// Travels with a window.
#[derive(Clone, Debug)]
pub(crate) struct Trail {
    /// When the chunk was taken that made the window's result computable.
    computable: Instant,
    span: Option<WindowSpan>,
}

impl Trail {
    /// Of a window that the chunk taken at `computable` has completed, in a call that
    /// may be traced.
    pub(super) fn new(computable: Instant, call: Option<&CallSpan>) -> Self {
        Self {
            computable,
            span: call.and_then(|call| call.window(computable.into_std())),
        }
    }

    /// Says where the window lies.
    pub(super) fn describe(&self, lane: usize, place: &Span, speech: bool) {
        if let Some(span) = &self.span {
            span.describe(lane, place.start, place.end, speech);
        }
    }

    /// What goes with the window's row.
    pub(super) fn span(&self) -> Option<WindowSpan> {
        self.span.clone()
    }

    /// Takes a step with the window.
    pub(super) fn step<T>(&self, name: &'static str, step: impl FnOnce() -> T) -> T {
        let _span = self.span.as_ref().map(|span| span.step(name));
        step()
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
        let trail = Trail::new(Instant::now(), None);
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
