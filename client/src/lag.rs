//! How far results lag behind the audio that they are about.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use ser_proto::v1::{AudioFormat, EmotionResult, Trigger};

use crate::audio::{frame_bytes, samples_until};

/// Chunks that may wait for their results: half an hour of 100 ms. A server that
/// gives no results at all doesn't cost more memory than that.
const MOST_CHUNKS: usize = 18_000;

/// How long after its audio a result came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lag {
    /// Since the audio left from which the result can be computed: the chunk that
    /// holds the sample at the result's end plus the algorithmic delay, or the
    /// half-close when the stream ended before. The time that network and server
    /// took.
    pub computable: Duration,
    /// Since the audio left that the result covers: the chunk that holds the sample
    /// at the result's end. What a person sees, less the time that a chunk takes to
    /// be spoken.
    pub covered: Duration,
}

/// Measures the [`Lag`] of one stream's results.
///
/// ```
/// use std::time::{Duration, Instant};
///
/// use ser_client::{
///     LagMeter,
///     proto::{AudioFormat, EmotionResult, Encoding},
/// };
///
/// let format = AudioFormat {
///     encoding: Encoding::S16le.into(),
///     sample_rate: 16_000,
///     channels: 1,
/// };
/// let mut meter = LagMeter::new(&format, Duration::from_millis(2));
/// let start = Instant::now();
/// for chunk in 1..=11_u32 {
///     meter.sent(3_200, start + chunk * Duration::from_millis(100));
/// }
/// let result = EmotionResult {
///     end: Some(prost_types::Duration { seconds: 1, nanos: 0 }),
///     end_sample: 16_000,
///     ..EmotionResult::default()
/// };
/// let lag = meter.received(&result, start + Duration::from_millis(1_130)).unwrap();
/// // One second of audio had left after 1,000 ms, the 2 ms after it with the next chunk.
/// assert_eq!(lag.covered, Duration::from_millis(130));
/// assert_eq!(lag.computable, Duration::from_millis(30));
/// ```
#[derive(Debug)]
pub struct LagMeter {
    frame_bytes: u64,
    sample_rate: u32,
    delay: Duration,
    /// The chunks whose results may yet come, oldest first.
    chunks: VecDeque<Chunk>,
    /// Bytes of the chunks before them.
    forgotten: u64,
    half_closed: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Chunk {
    /// Bytes of the stream up to its end.
    end: u64,
    due: Instant,
}

impl LagMeter {
    /// For a stream of audio in `format`, whose results are computable
    /// `algorithmic_delay` after their end, as the server said in
    /// [`StreamStarted`](ser_proto::v1::StreamStarted).
    pub fn new(format: &AudioFormat, algorithmic_delay: Duration) -> Self {
        Self {
            frame_bytes: frame_bytes(format) as u64,
            sample_rate: format.sample_rate,
            delay: algorithmic_delay,
            chunks: VecDeque::new(),
            forgotten: 0,
            half_closed: None,
        }
    }

    /// Notes a chunk of `bytes`, cut anywhere, that was `due` at that instant.
    ///
    /// For live audio that is when it leaves. A load generator gives the instant of
    /// its schedule: one that is late itself, or held back by the server's flow
    /// control, would otherwise leave out just the time that somebody waits
    /// (coordinated omission).
    pub fn sent(&mut self, bytes: usize, due: Instant) {
        if self.chunks.len() == MOST_CHUNKS {
            self.forget_first();
        }
        let end = self.chunks.back().map_or(self.forgotten, |last| last.end) + bytes as u64;
        self.chunks.push_back(Chunk { end, due });
    }

    /// Notes the half-close, from which the results of the last audio are computable.
    pub fn half_closed(&mut self, due: Instant) {
        self.half_closed = Some(due);
    }

    /// The lag of `result`, received `at` that instant. `None` when it is about audio
    /// that was not noted, or so long ago that it is forgotten.
    ///
    /// A result that comes before its chunk was due has a lag of 0.
    pub fn received(&mut self, result: &EmotionResult, at: Instant) -> Option<Lag> {
        let covered = self.left(result.end_sample)?;
        let computable = if result.trigger() == Trigger::EndOfStream {
            self.half_closed?
        } else {
            let delay = samples_until(self.delay, self.sample_rate);
            self.left(result.end_sample.saturating_add(delay))
                .or(self.half_closed)?
        };
        let new_start = result.new_start.unwrap_or_default().try_into();
        let new_start = new_start.unwrap_or_default();
        self.forget_before(samples_until(new_start, self.sample_rate));
        Some(Lag {
            computable: at.saturating_duration_since(computable),
            covered: at.saturating_duration_since(covered),
        })
    }

    /// When the chunk was due with which the first `samples` had left.
    fn left(&self, samples: u64) -> Option<Instant> {
        let bytes = samples.saturating_mul(self.frame_bytes);
        if bytes <= self.forgotten {
            return None;
        }
        let at = self.chunks.partition_point(|chunk| chunk.end < bytes);
        self.chunks.get(at).map(|chunk| chunk.due)
    }

    /// Forgets the chunks without a sample from `samples` on. Channels that are
    /// classified on their own have each a result of the same span, so what is new
    /// in one result is kept for the others.
    fn forget_before(&mut self, samples: u64) {
        let bytes = samples.saturating_mul(self.frame_bytes);
        while self.chunks.front().is_some_and(|chunk| chunk.end <= bytes) {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        if let Some(chunk) = self.chunks.pop_front() {
            self.forgotten = chunk.end;
        }
    }
}

#[cfg(test)]
mod tests;
