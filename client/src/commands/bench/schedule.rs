//! When the chunks of a stream are due, and its results.

use std::time::{Duration, Instant};

use ser_client::{
    Lag,
    audio::{Clock, samples_until},
    proto::{ChannelPolicy, EmotionResult, StreamStarted},
};

use super::{audio::Loop, run::Run, tally::Tally};

/// What is due when, whatever becomes of it: nothing has to be kept of the chunks, and
/// no result can lag so much that its own is forgotten.
#[derive(Debug, Clone, Copy)]
pub(super) struct Schedule {
    sample_rate: u32,
    chunk_frames: u64,
    start: Instant,
    /// Samples that a server has to hear after the end of a result.
    delay: u64,
}

impl Schedule {
    /// For `audio`, whose first sample is spoken at `start`.
    pub(super) fn new(audio: &Loop, start: Instant, algorithmic_delay: Duration) -> Self {
        let sample_rate = audio.format().sample_rate;
        Self {
            sample_rate,
            chunk_frames: audio.chunk_frames() as u64,
            start,
            delay: samples_until(algorithmic_delay, sample_rate),
        }
    }

    /// When the chunk is due that follows `before` others.
    pub(super) fn chunk(&self, before: u64) -> Instant {
        let frames = (before + 1).saturating_mul(self.chunk_frames);
        let mut clock = Clock::starting(self.sample_rate, self.start.into());
        clock.due(frames).into_std()
    }

    /// When the chunk is due that makes the result computable that ends at `end_sample`.
    pub(super) fn result(&self, end_sample: u64) -> Instant {
        self.left(end_sample.saturating_add(self.delay))
    }

    /// The lag of that result, received `at` that instant.
    pub(super) fn lag(&self, end_sample: u64, at: Instant) -> Lag {
        Lag {
            computable: at.saturating_duration_since(self.result(end_sample)),
            covered: at.saturating_duration_since(self.left(end_sample)),
        }
    }

    /// When the chunk is due with which the first `samples` have left.
    fn left(&self, samples: u64) -> Instant {
        self.chunk(samples.div_ceil(self.chunk_frames).saturating_sub(1))
    }
}

/// The results that a stream still owes.
#[derive(Debug)]
pub(super) struct Owed {
    schedule: Schedule,
    hop: Duration,
    /// Where the next ends, of each channel that is classified on its own.
    next: Vec<Duration>,
}

impl Owed {
    /// All of the stream of so many `channels` that has `started` like this.
    pub(super) fn new(schedule: Schedule, channels: u32, started: &StreamStarted) -> Self {
        let effective = started.effective.clone().unwrap_or_default();
        let options = effective.options.unwrap_or_default();
        let hop = time(options.hop);
        // A model may begin with less than a window; how much less, no server says.
        let hops = time(options.window)
            .as_nanos()
            .div_ceil(hop.as_nanos().max(1));
        let first = hop * u32::try_from(hops).unwrap_or(u32::MAX).max(1);
        let lanes = match options.channels() {
            ChannelPolicy::Separate => channels as usize,
            _ => 1,
        };
        Self {
            schedule,
            hop,
            next: vec![first; lanes],
        }
    }

    /// `result` has come.
    pub(super) fn received(&mut self, result: &EmotionResult) {
        let lane = result.channel.unwrap_or(0) as usize;
        if let Some(next) = self.next.get_mut(lane) {
            *next = time(result.end) + self.hop;
        }
    }

    /// Counts those that were due until `now` with the least that they lag: leaving
    /// them out would flatter a server that is overwhelmed.
    pub(super) fn count_missing(self, run: &Run, now: Instant, tally: &mut Tally) {
        if self.hop.is_zero() {
            return;
        }
        for mut end in self.next {
            loop {
                let end_sample = samples_until(end, self.schedule.sample_rate);
                let due = self.schedule.result(end_sample);
                if run.is_over(due) {
                    break;
                }
                if run.measures(due) {
                    tally.lag(self.schedule.lag(end_sample, now));
                    tally.missing += 1;
                }
                end += self.hop;
            }
        }
    }
}

/// 0 when it isn't given, or no time.
pub(super) fn time(time: Option<prost_types::Duration>) -> Duration {
    time.unwrap_or_default().try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ser_client::{
        LagMeter,
        proto::{AudioFormat, Encoding, RecognitionOptions, StreamingConfig},
    };

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn format(sample_rate: u32) -> AudioFormat {
        AudioFormat {
            encoding: Encoding::Mulaw.into(),
            sample_rate,
            channels: 1,
        }
    }

    /// Chunks of 100 ms, 1,000 samples a second, from `start` on.
    fn schedule(start: Instant, delay: u64) -> Schedule {
        Schedule {
            sample_rate: 1_000,
            chunk_frames: 100,
            start,
            delay,
        }
    }

    fn owed(start: Instant, options: RecognitionOptions, channels: u32) -> Owed {
        let started = StreamStarted {
            effective: Some(StreamingConfig {
                options: Some(options),
                ..StreamingConfig::default()
            }),
            ..StreamStarted::default()
        };
        Owed::new(schedule(start, 10), channels, &started)
    }

    fn proto(time: Duration) -> Option<prost_types::Duration> {
        Some(time.try_into().unwrap())
    }

    fn result(end: Duration, channel: Option<u32>) -> EmotionResult {
        EmotionResult {
            end: proto(end),
            channel,
            ..EmotionResult::default()
        }
    }

    #[test]
    fn a_lost_stream_owes_what_falls_due_until_the_end() {
        let start = Instant::now();
        let run = Run::new(1);
        run.measure(start + 200 * MS, 1_000 * MS);
        let options = RecognitionOptions {
            hop: proto(100 * MS),
            ..RecognitionOptions::default()
        };
        let mut owed = owed(start, options, 1);
        owed.received(&result(300 * MS, None));
        let mut tally = Tally::new();
        owed.count_missing(&run, start + 1_500 * MS, &mut tally);
        // Those that end at 400, 500, … 1,000 ms were due 100 ms later each.
        assert_eq!((tally.missing, tally.lag.len()), (7, 7));
        let near = |time: Duration, expected: Duration| time.abs_diff(expected) < MS;
        assert!(near(tally.lag.min(), 400 * MS));
        assert!(near(tally.lag.max(), 1_000 * MS));
        assert!(near(tally.covered.max(), 1_100 * MS));
    }

    #[test]
    fn channels_on_their_own_owe_results_of_their_own() {
        let start = Instant::now();
        let run = Run::new(1);
        run.measure(start, 1_000 * MS);
        let options = RecognitionOptions {
            channels: ChannelPolicy::Separate.into(),
            hop: proto(200 * MS),
            ..RecognitionOptions::default()
        };
        let mut owed = owed(start, options, 2);
        owed.received(&result(400 * MS, Some(0)));
        owed.received(&result(400 * MS, Some(1)));
        owed.received(&result(600 * MS, Some(0)));
        let mut tally = Tally::new();
        owed.count_missing(&run, start + 1_000 * MS, &mut tally);
        assert_eq!(
            tally.missing, 3,
            "800 ms of one, 600 and 800 ms of the other"
        );
    }

    #[test]
    fn nothing_is_owed_before_the_first_window() {
        let start = Instant::now();
        let run = Run::new(1);
        run.measure(start, 1_000 * MS);
        let options = RecognitionOptions {
            window: proto(450 * MS),
            hop: proto(200 * MS),
            ..RecognitionOptions::default()
        };
        let mut tally = Tally::new();
        owed(start, options, 1).count_missing(&run, start + 1_000 * MS, &mut tally);
        assert_eq!(tally.missing, 2, "600 and 800 ms");
    }

    #[test]
    fn however_late_a_result_is_its_lag_is_known() {
        let start = Instant::now();
        let day = Duration::from_secs(86_400);
        let lag = schedule(start, 10).lag(100, start + day);
        assert_eq!(lag.computable, day - 200 * MS);
        assert_eq!(lag.covered, day - 100 * MS);
    }

    proptest! {
        /// What follows from the schedule is what the library measures of the chunks.
        #[test]
        fn lag_is_what_the_library_measures(
            sample_rate in 8_000_u32..50_000,
            // As many chunks as the meter remembers.
            chunk_frames in 9_u32..6_000,
            delay in 0_u32..30_000,
            hop in 100_000_u32..700_000,
        ) {
            let delay = delay * Duration::from_micros(1);
            let hop = hop * Duration::from_micros(1);
            let start = Instant::now();
            let schedule = Schedule {
                sample_rate,
                chunk_frames: chunk_frames.into(),
                start,
                delay: samples_until(delay, sample_rate),
            };
            let mut meter = LagMeter::new(&format(sample_rate), delay);
            for before in 0..u64::from(3 * sample_rate / chunk_frames) {
                meter.sent(chunk_frames as usize, schedule.chunk(before));
            }
            let at = start + 4_000 * MS;
            for hops in 1..3 {
                let result = EmotionResult {
                    end_sample: samples_until(hops * hop, sample_rate),
                    ..result(hops * hop, None)
                };
                let measured = meter.received(&result, at).unwrap();
                prop_assert_eq!(schedule.lag(result.end_sample, at), measured);
            }
        }
    }
}
