//! New attempts at what may yet succeed.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use tokio::time::Instant;

use crate::Error;

const PAUSES: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(20))
    .with_max_delay(Duration::from_millis(500))
    .with_jitter()
    .without_max_times();

/// Makes `attempt` again while it fails in a way that may pass, as long as another
/// one can begin within `limit`, of which each is told what is left. When a server says
/// when to come back, that is waited for, or until a server no longer rests if
/// `until_awake` says that this is sooner.
pub(super) async fn retry<T, F>(
    limit: Duration,
    until_awake: impl Fn() -> Duration,
    mut attempt: impl FnMut(Duration) -> F,
) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let start = Instant::now();
    let left = || limit.saturating_sub(start.elapsed());
    let wait = |error: &Error, pause: Option<Duration>| {
        let asked = match error {
            Error::Unavailable {
                retry_after: Some(asked),
                ..
            } => until_awake().min(*asked),
            _ => Duration::ZERO,
        };
        let pause = pause.map(|pause| pause.max(asked));
        pause.filter(|pause| *pause < left())
    };
    (|| attempt(left()))
        .retry(PAUSES)
        .when(Error::may_pass)
        .adjust(wait)
        .await
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use tonic::Code;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(5);

    fn unavailable(retry_after: Option<Duration>) -> Error {
        Error::Unavailable {
            address: "http://here:1".to_owned(),
            code: Code::Unavailable,
            reason: "server: loading models".to_owned(),
            retry_after,
        }
    }

    /// Rests for as long as the only server asks for.
    fn alone() -> Duration {
        Duration::MAX
    }

    #[tokio::test(start_paused = true)]
    async fn what_passes_in_time_is_waited_out() {
        let mut failures = 3;
        let attempt = |_| {
            if failures == 0 {
                return ready(Ok("there"));
            }
            failures -= 1;
            ready(Err(unavailable(None)))
        };
        assert_eq!(retry(LIMIT, alone, attempt).await.unwrap(), "there");
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_pass_fails_within_the_limit() {
        let start = Instant::now();
        let mut attempts = 0;
        let outcome = retry(LIMIT, alone, |left| {
            assert_eq!(left, LIMIT - start.elapsed());
            attempts += 1;
            ready(Err::<(), _>(unavailable(None)))
        })
        .await;
        assert!(matches!(outcome, Err(Error::Unavailable { .. })));
        assert!(start.elapsed() < LIMIT);
        // Pauses of 20 to 500 ms, which jitter at most doubles, fill it but for one.
        assert!(start.elapsed() > LIMIT - Duration::from_secs(1));
        assert!((8..=14).contains(&attempts), "{attempts}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_never_passes_fails_at_once() {
        let start = Instant::now();
        let outcome = retry(LIMIT, alone, |_| ready(Err::<(), _>(Error::Ended))).await;
        assert!(matches!(outcome, Err(Error::Ended)));
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_says_when_is_asked_then() {
        let start = Instant::now();
        let later = Duration::from_millis(3_210);
        let outcome = retry(LIMIT, alone, |_| {
            ready(match start.elapsed() {
                Duration::ZERO => Err(unavailable(Some(later))),
                waited => Ok(waited),
            })
        });
        // Timers are good to a millisecond.
        let waited = outcome.await.unwrap() - later;
        assert!(waited <= Duration::from_millis(1), "{waited:?} too late");
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_says_too_late_is_not_waited_for() {
        let start = Instant::now();
        let outcome = retry(LIMIT, alone, |_| {
            ready(Err::<(), _>(unavailable(Some(LIMIT))))
        })
        .await;
        assert!(matches!(outcome, Err(Error::Unavailable { .. })));
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_server_to_wake_is_asked() {
        let start = Instant::now();
        let soon = Duration::from_secs(2);
        let outcome = retry(
            LIMIT,
            || soon.saturating_sub(start.elapsed()),
            |_| {
                ready(match start.elapsed() {
                    waited if waited < soon => Err(unavailable(Some(10 * LIMIT))),
                    waited => Ok(waited),
                })
            },
        );
        assert!(outcome.await.unwrap() - soon <= Duration::from_millis(1));
    }
}
