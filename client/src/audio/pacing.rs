//! When audio is due.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// How fast a recording is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pacing {
    /// As if somebody were speaking: a chunk leaves when its last sample would
    /// have been spoken.
    RealTime,
    /// As fast as the server's flow control lets it.
    Unpaced,
}

/// Keeps an absolute schedule: every instant is computed from the first one, so
/// delays never add up.
#[derive(Debug)]
pub struct Clock {
    sample_rate: u32,
    start: Option<Instant>,
}

impl Clock {
    /// A clock for audio at `sample_rate` Hz, at least 1. It starts when it is first
    /// asked.
    pub fn new(sample_rate: u32) -> Self {
        Self {
            sample_rate: sample_rate.max(1),
            start: None,
        }
    }

    /// A clock for audio at `sample_rate` Hz, at least 1, whose first sample is spoken
    /// at `start`.
    pub fn starting(sample_rate: u32, start: Instant) -> Self {
        Self {
            sample_rate: sample_rate.max(1),
            start: Some(start),
        }
    }

    /// When `frames` will have been spoken since the start.
    pub fn due(&mut self, frames: u64) -> Instant {
        let start = *self.start.get_or_insert_with(Instant::now);
        start + time_of(frames, self.sample_rate)
    }

    /// Waits until `frames` have been spoken since the start.
    pub async fn wait_for(&mut self, frames: u64) {
        sleep_until(self.due(frames)).await;
    }
}

/// How long `frames` last, rounded down to a nanosecond.
pub(crate) fn time_of(frames: u64, sample_rate: u32) -> Duration {
    let rate = u64::from(sample_rate);
    let nanos = (frames % rate) * 1_000_000_000 / rate;
    Duration::from_secs(frames / rate) + Duration::from_nanos(nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_of_an_odd_rate_does_not_drift() {
        let day = Duration::from_secs(86_400);
        assert_eq!(time_of(86_400 * 44_101, 44_101), day);
        assert_eq!(time_of(86_400 * 44_101 - 1, 44_101).as_secs(), 86_399);
    }

    #[tokio::test]
    async fn audio_without_a_rate_does_no_harm() {
        let start = Instant::now();
        let mut clock = Clock::starting(0, start);
        assert_eq!(clock.due(2), start + Duration::from_secs(2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_chunk_does_not_delay_the_next() {
        let mut clock = Clock::new(8_000);
        let start = Instant::now();
        clock.wait_for(800).await;
        assert_eq!(start.elapsed(), Duration::from_millis(100));
        tokio::time::advance(Duration::from_millis(150)).await;
        clock.wait_for(1_600).await;
        assert_eq!(start.elapsed(), Duration::from_millis(250));
        clock.wait_for(2_400).await;
        assert_eq!(start.elapsed(), Duration::from_millis(300));
    }
}
