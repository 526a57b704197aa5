//! What befalls the audio of a device, counted where it happens and told where it
//! matters.

use std::{
    sync::atomic::AtomicU64,
    time::{Duration, Instant},
};

/// What has happened since the microphone was opened.
#[derive(Debug, Default)]
pub(super) struct Losses {
    /// Blocks that the ring dropped.
    pub(super) dropped: AtomicU64,
    /// Times that the sound system itself lost audio.
    pub(super) overruns: AtomicU64,
    /// Times that another device took the place of the system's default.
    pub(super) changes: AtomicU64,
}

/// Losses that go on are told about this often.
const LONGEST_BURST: Duration = Duration::from_secs(10);

/// Tells how much a counter has grown, once for each burst of growth.
#[derive(Debug, Default)]
pub(super) struct Bursts {
    seen: u64,
    told: u64,
    since: Option<Instant>,
}

impl Bursts {
    /// Looks at the counter. A burst is over when it hasn't grown since the last
    /// look, or when it lasts too long to be kept back.
    pub(super) fn look(&mut self, count: u64, now: Instant) -> Option<u64> {
        if count == self.told {
            return None;
        }
        let since = *self.since.get_or_insert(now);
        let grows = count > self.seen;
        self.seen = count;
        if grows && now.duration_since(since) < LONGEST_BURST {
            return None;
        }
        self.rest(count)
    }

    /// What is still untold, whether the burst is over or not.
    pub(super) fn rest(&mut self, count: u64) -> Option<u64> {
        let growth = count - self.told;
        self.told = count;
        self.since = None;
        (growth > 0).then_some(growth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_told_once_when_it_is_over() {
        let (mut bursts, now) = (Bursts::default(), Instant::now());
        assert_eq!(bursts.look(0, now), None);
        for count in [3, 9, 20] {
            assert_eq!(bursts.look(count, now), None);
        }
        assert_eq!(bursts.look(20, now), Some(20));
        assert_eq!(bursts.look(20, now), None);
        assert_eq!(bursts.look(21, now), None);
        assert_eq!(bursts.look(21, now), Some(1));
    }

    #[test]
    fn an_endless_burst_is_told_now_and_then() {
        let (mut bursts, start) = (Bursts::default(), Instant::now());
        let told = (0..301).filter_map(|second| {
            let now = start + Duration::from_secs(second);
            bursts.look(second + 1, now)
        });
        let told: Vec<_> = told.collect();
        // A burst begins with the look after the last was told.
        assert_eq!(told.len(), 27);
        assert_eq!(told[..2], [11, 11]);
    }

    #[test]
    fn the_end_of_the_audio_ends_a_burst() {
        let (mut bursts, now) = (Bursts::default(), Instant::now());
        assert_eq!(bursts.look(5, now), None);
        assert_eq!(bursts.rest(6), Some(6));
        assert_eq!(bursts.rest(6), None);
    }
}
