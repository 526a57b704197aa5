//! How much audio a stream hears, and how fast.

use std::time::Duration;

use prost::bytes::Bytes;
use ser_features::{FeatureError, PcmFormat};
use ser_proto::v1;
use tokio::time::{Instant, sleep_until};

use crate::{Error, batcher::Pace, config::LimitsConfig};

/// The longest replay that a live stream gets time for beside its own: more than any
/// model's window, while a client can't claim an hour.
const LONGEST_REPLAY: Duration = Duration::from_secs(60);

/// What a stream has heard, and whether it may hear on.
#[derive(Debug)]
pub(super) struct Hearing {
    bytes_per_second: u64,
    /// Bytes that it may yet hear.
    left: u64,
    /// All that it may hear.
    limit: Duration,
    /// Of a live stream.
    clock: Option<Clock>,
}

impl Hearing {
    /// Of a stream that begins now, or goes on as `resume` says.
    pub(super) fn new(
        limits: &LimitsConfig,
        format: PcmFormat,
        pace: Pace,
        resume: Option<&v1::Resume>,
    ) -> Self {
        let rate = u64::from(format.sample_rate.hz());
        let bytes_per_second = rate * format.frame_bytes() as u64;
        let limit = limits.stream_audio;
        let bytes = limit.as_nanos() * u128::from(bytes_per_second) / 1_000_000_000;
        let heard = resume.map_or(0, |resume| resume.replay_from_sample);
        let heard = heard.saturating_mul(format.frame_bytes() as u64);
        let clock = (pace == Pace::Live).then(|| {
            let replayed = resume.map_or(0, |resume| {
                resume.end_sample.saturating_sub(resume.replay_from_sample)
            });
            let replayed = Duration::from_secs_f64(replayed as f64 / rate as f64);
            let clock = Clock::new(
                limits.live_ahead + replayed.min(LONGEST_REPLAY),
                limits.idle,
            );
            match resume {
                // What was said while the stream was away comes at once, too.
                Some(_) => clock.late(),
                None => clock,
            }
        });
        Self {
            bytes_per_second,
            left: u64::try_from(bytes)
                .unwrap_or(u64::MAX)
                .saturating_sub(heard),
            limit,
            clock,
        }
    }

    /// Takes a chunk: what of it may be heard, and an error if that isn't all.
    ///
    /// # Errors
    ///
    /// [`Error::Audio`] beside the audio before it.
    pub(super) fn hear(&mut self, mut chunk: Bytes) -> (Bytes, Result<(), Error>) {
        let taken = self.left.min(chunk.len() as u64);
        self.left -= taken;
        let is_whole = taken == chunk.len() as u64;
        chunk.truncate(usize::try_from(taken).unwrap_or(usize::MAX));
        if let Some(clock) = &mut self.clock {
            let nanos = u128::from(taken) * 1_000_000_000 / u128::from(self.bytes_per_second);
            clock.hear(Duration::from_nanos(
                u64::try_from(nanos).unwrap_or(u64::MAX),
            ));
        }
        let too_long = Error::Audio {
            what: "audio",
            source: FeatureError::TooLong { limit: self.limit },
        };
        (chunk, if is_whole { Ok(()) } else { Err(too_long) })
    }

    /// The client's microphone was off until now: that was no time to catch up with.
    pub(super) fn unmute(&mut self) {
        if let Some(clock) = &mut self.clock {
            clock.spoken = clock.spoken.max(Instant::now());
        }
    }

    /// Whether the session may read on. If not, [`until_due`](Self::until_due) waits.
    pub(super) fn is_due(&self) -> bool {
        self.clock
            .as_ref()
            .is_none_or(|clock| clock.reads_on() <= Instant::now())
    }

    /// Waits until the session may read on.
    pub(super) async fn until_due(&self) {
        if let Some(clock) = &self.clock {
            sleep_until(clock.reads_on()).await;
        }
    }
}

/// Holds live audio to the speed at which people speak. It may be ahead by an
/// allowance, and behind by a stall of the network, which is then caught up with.
#[derive(Debug)]
struct Clock {
    ahead: Duration,
    behind: Duration,
    /// When the last sample heard would have been spoken.
    spoken: Instant,
}

impl Clock {
    fn new(ahead: Duration, behind: Duration) -> Self {
        Self {
            ahead,
            behind,
            spoken: Instant::now(),
        }
    }

    /// The same, with as much to catch up with as there may be.
    fn late(self) -> Self {
        Self {
            ahead: self.ahead + self.behind,
            ..self
        }
    }

    fn hear(&mut self, audio: Duration) {
        let earliest = Instant::now().checked_sub(self.behind);
        let spoken = earliest.map_or(self.spoken, |earliest| self.spoken.max(earliest));
        self.spoken = spoken + audio;
    }

    /// When more may be read.
    fn reads_on(&self) -> Instant {
        self.spoken.checked_sub(self.ahead).unwrap_or(self.spoken)
    }
}

#[cfg(test)]
mod tests {
    use ser_features::{ChannelCount, Encoding, SampleRate};
    use tokio::time::advance;

    use super::*;

    /// Bytes of a second.
    const SECOND: usize = 16_000;

    fn hearing(pace: Pace, resume: Option<&v1::Resume>) -> Hearing {
        let format = PcmFormat {
            encoding: Encoding::S16Le,
            sample_rate: SampleRate::new(8_000).unwrap(),
            channels: ChannelCount::new(1).unwrap(),
        };
        let limits = LimitsConfig {
            live_ahead: Duration::from_secs(10),
            idle: Duration::from_secs(30),
            stream_audio: Duration::from_secs(1_000),
            ..LimitsConfig::default()
        };
        Hearing::new(&limits, format, pace, resume)
    }

    impl Hearing {
        /// Hears seconds until it may hear no more, and returns how many.
        fn hears(&mut self) -> usize {
            let second = Bytes::from_static(&[0; SECOND]);
            let mut heard = 0;
            while self.is_due() && heard < 500 {
                assert!(self.hear(second.clone()).1.is_ok());
                heard += 1;
            }
            heard
        }
    }

    #[tokio::test(start_paused = true)]
    async fn live_audio_is_ahead_by_its_allowance_and_then_in_real_time() {
        let mut hearing = hearing(Pace::Live, None);
        // The one that passes the allowance is heard whole.
        assert_eq!(hearing.hears(), 11);
        let start = Instant::now();
        hearing.until_due().await;
        assert!(start.elapsed().abs_diff(Duration::from_secs(1)) <= Duration::from_millis(1));
        assert_eq!(hearing.hears(), 1);
        advance(Duration::from_secs(7)).await;
        assert_eq!(hearing.hears(), 7);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stall_is_caught_up_with_and_a_mute_is_not() {
        let mut hearing = hearing(Pace::Live, None);
        assert_eq!(hearing.hears(), 11);
        advance(Duration::from_secs(31)).await;
        assert_eq!(hearing.hears(), 31);
        advance(Duration::from_secs(31)).await;
        hearing.unmute();
        assert_eq!(hearing.hears(), 11);
        // Nobody stalls for longer than a stream may be idle.
        advance(Duration::from_secs(1_000)).await;
        assert_eq!(hearing.hears(), 41);
    }

    #[tokio::test(start_paused = true)]
    async fn a_resumed_stream_has_time_for_what_it_replays_and_missed() {
        let resume = v1::Resume {
            replay_from_sample: 80_000,
            end_sample: 80_000 + 3 * 8_000,
            ..v1::Resume::default()
        };
        assert_eq!(hearing(Pace::Live, Some(&resume)).hears(), 10 + 3 + 30 + 1);
        let forged = v1::Resume {
            end_sample: u64::MAX,
            ..v1::Resume::default()
        };
        assert_eq!(hearing(Pace::Live, Some(&forged)).hears(), 10 + 60 + 30 + 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_recording_has_no_speed() {
        assert_eq!(hearing(Pace::Bulk, None).hears(), 500);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_hears_so_much_and_a_resumed_one_no_more() {
        let mut hearing = hearing(Pace::Bulk, None);
        let seconds = |seconds: usize| Bytes::from(vec![0; seconds * SECOND]);
        assert!(hearing.hear(seconds(999)).1.is_ok());
        let (heard, outcome) = hearing.hear(seconds(2));
        assert_eq!(heard.len(), SECOND);
        let message = "audio: longer than 1000s; expected at most 1000s";
        assert_eq!(outcome.unwrap_err().to_string(), message);

        let late = v1::Resume {
            replay_from_sample: 999 * 8_000,
            ..v1::Resume::default()
        };
        let mut hearing = self::hearing(Pace::Bulk, Some(&late));
        assert!(hearing.hear(seconds(1)).1.is_ok());
        assert!(hearing.hear(seconds(1)).1.is_err());
    }
}
