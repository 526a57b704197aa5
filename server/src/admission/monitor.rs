//! The task that looks at how well the server keeps up.

use std::time::Duration;

use cpu_time::ProcessTime;
use tokio::time::{Instant, sleep_until};

use super::{Admission, window::Look};

/// From one look at how long tasks wait for their turns to the next.
const BEAT: Duration = Duration::from_millis(20);
/// Beats from one look at the server to the next.
const BEATS: u32 = 5;
/// Timers are good to so much.
const TIMER: Duration = Duration::from_millis(2);

/// Looks at the server until it is dropped.
pub(super) async fn watch(admission: &Admission, is_loading: impl Fn() -> bool) {
    let mut seen = admission.pressure.seen();
    let mut processor = ProcessTime::try_now().ok();
    let mut looked = Instant::now();
    loop {
        admission.pressure.turns_take(beat().await);
        let (seen_now, processor_now) = (admission.pressure.seen(), ProcessTime::try_now().ok());
        let now = Instant::now();
        // A system that doesn't tell leaves lag to go by.
        let spent = processor_now
            .zip(processor)
            .map(|(now, before)| now.duration_since(before));
        let look = Look {
            time: now - looked,
            seen: seen_now.since(seen),
            processor: spent.unwrap_or_default(),
            is_loading: is_loading(),
            ..Look::default()
        };
        (seen, processor, looked) = (seen_now, processor_now, now);
        let pause = admission.live.overload().look(look, admission.live.open());
        admission.pressure.pause_bulk(pause);
    }
}

/// Waits for a few turns, and returns how long the one in the middle was late: this
/// task's turn comes as late as any other's.
async fn beat() -> Duration {
    let mut waits = Vec::with_capacity(BEATS as usize);
    for _ in 0..BEATS {
        let due = Instant::now() + BEAT;
        sleep_until(due).await;
        waits.push(due.elapsed().saturating_sub(TIMER));
    }
    waits.sort();
    waits[waits.len() / 2]
}
