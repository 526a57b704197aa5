//! Waiting out what passes by itself: a server that is about to start.

use std::time::Duration;

use tokio::{pin, select, time::sleep};

/// The pause before the second attempt; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Makes `attempt` again while it fails in a way that `may_pass`, until `limit` is
/// over. Then the last failure stands.
pub(crate) async fn persist<T, E, F>(
    limit: Duration,
    may_pass: impl Fn(&E) -> bool,
    mut attempt: impl FnMut() -> F,
) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    let over = sleep(limit);
    pin!(over);
    let mut pause = FIRST_PAUSE;
    loop {
        let failure = match attempt().await {
            Err(failure) if may_pass(&failure) => failure,
            outcome => return outcome,
        };
        select! {
            biased;
            () = &mut over => return Err(failure),
            () = sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use tokio::time::Instant;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(5);

    #[tokio::test(start_paused = true)]
    async fn what_passes_in_time_is_waited_out() {
        let mut failures = 3;
        let attempt = || {
            if failures == 0 {
                return ready(Ok("there"));
            }
            failures -= 1;
            ready(Err("not yet"))
        };
        assert_eq!(persist(LIMIT, |_| true, attempt).await, Ok("there"));
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_pass_fails_when_the_limit_is_over() {
        let start = Instant::now();
        let mut attempts = 0;
        let attempt = || {
            attempts += 1;
            ready(Err(attempts))
        };
        let outcome: Result<(), _> = persist(LIMIT, |_| true, attempt).await;
        assert_eq!(start.elapsed(), LIMIT);
        // After 0, 20, 60, 140, 300 and 620 ms, and every 500 ms from then on.
        assert_eq!(outcome, Err(14));
    }

    #[tokio::test(start_paused = true)]
    async fn what_never_passes_fails_at_once() {
        let start = Instant::now();
        let outcome: Result<(), _> = persist(LIMIT, |_| false, || ready(Err("no"))).await;
        assert_eq!(outcome, Err("no"));
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}
