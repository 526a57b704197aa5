//! Recognises audio by its bytes: each result is a fingerprint of its window, and the
//! summary of all results. Whatever is lost, repeated or replayed wrongly shows.

use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use ser_client::{
    audio::frame_bytes,
    proto::{
        ChannelPolicy, EmotionResult, Resume, Score, StreamStarted, StreamSummary, StreamWarning,
        StreamingConfig, Trigger, Verdict, WarningCode,
    },
};

use super::messages;

/// Frames from one result to the next, 0.1 s.
pub(crate) const HOP: u64 = 800;
/// Frames that a result is computed on.
const WINDOW: u64 = 3 * HOP;
/// The result after which the audio is said to be clipped.
pub(crate) const WARNING: u64 = 3;

/// One stream, from its config on.
pub(crate) struct Recogniser {
    lanes: u32,
    frame_bytes: usize,
    /// The client's frame at which `audio` begins.
    start: u64,
    audio: Vec<u8>,
    half_closed: bool,
    sequence: u64,
    /// Where the last result ended, and in which lane the next one is.
    end: u64,
    lane: u32,
    /// What audio can't restore.
    total: u64,
    warned: bool,
}

impl Recogniser {
    pub(crate) fn new(config: &StreamingConfig) -> Self {
        let audio = config.audio.unwrap();
        let options = config.options.clone().unwrap_or_default();
        let separate = options.channels() == ChannelPolicy::Separate;
        let lanes = if separate { audio.channels } else { 1 };
        let resume = config.resume.clone().unwrap_or_default();
        let lane = match (resume.results, resume.channel.unwrap_or(0) + 1) {
            (0, _) => 0,
            (_, next) => next % lanes,
        };
        let mut checkpoint = resume.checkpoint.clone();
        let (total, warned) = match checkpoint.is_empty() {
            true => (0, false),
            false => (checkpoint.get_u64(), checkpoint.get_u8() == 1),
        };
        let recogniser = Self {
            lanes,
            frame_bytes: frame_bytes(&audio),
            start: resume.replay_from_sample,
            audio: Vec::new(),
            half_closed: false,
            sequence: resume.results,
            end: resume.end_sample,
            lane,
            total,
            warned,
        };
        assert!(recogniser.start <= recogniser.needed(), "{resume:?}");
        recogniser
    }

    pub(crate) fn started(config: &StreamingConfig) -> StreamStarted {
        let mut effective = config.clone();
        effective.options.get_or_insert_default().hop = messages::milliseconds(100);
        let exact = |resume: &Resume| resume.results == 0 || !resume.checkpoint.is_empty();
        StreamStarted {
            exact: effective.resume.take().as_ref().map(exact),
            ..messages::started(effective)
        }
    }

    pub(crate) fn hear(&mut self, audio: &[u8]) {
        self.audio.extend_from_slice(audio);
    }

    pub(crate) fn half_close(&mut self) {
        self.half_closed = true;
    }

    /// Results so far, of all attempts.
    pub(crate) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The warning that is due.
    pub(crate) fn warning(&mut self) -> Option<StreamWarning> {
        let due = self.sequence >= WARNING && !self.warned;
        self.warned |= due;
        due.then(|| StreamWarning {
            code: WarningCode::ClippedAudio.into(),
            ..StreamWarning::default()
        })
    }

    /// The result that is due.
    pub(crate) fn result(&mut self) -> Option<EmotionResult> {
        let (grid, received) = (self.grid(), self.received());
        let end = match self.lane {
            0 if grid <= received => grid,
            0 if self.half_closed && received > self.end => received,
            1.. if self.end <= received => self.end,
            _ => return None,
        };
        let window = (grid.saturating_sub(WINDOW), end);
        let range = [window.0, window.1].map(|frame| (frame - self.start) as usize);
        let bytes = &self.audio[range[0] * self.frame_bytes..range[1] * self.frame_bytes];
        let fingerprint = fingerprint(&(self.lane, window, bytes));
        self.total = self::fingerprint(&(self.total, fingerprint));

        let lane = self.lane;
        let sequence = self.sequence;
        self.sequence += 1;
        self.end = end;
        self.lane = (lane + 1) % self.lanes;
        Some(EmotionResult {
            sequence,
            end_sample: end,
            channel: (self.lanes > 1).then_some(lane),
            verdict: Verdict::Emotion.into(),
            scores: vec![Score {
                label: format!("{fingerprint:x}"),
                probability: 1.0,
            }],
            trigger: match end == grid {
                true => Trigger::Interval.into(),
                false => Trigger::EndOfStream.into(),
            },
            replay_from_sample: self.needed(),
            checkpoint: self.checkpoint(),
            ..EmotionResult::default()
        })
    }

    /// Once everything else is said.
    pub(crate) fn summaries(&self) -> Vec<StreamSummary> {
        let lanes = 0..self.lanes;
        let summary = |lane| StreamSummary {
            channel: (self.lanes > 1).then_some(lane),
            received_samples: self.received(),
            overall_label: Some(format!("{:x}", self.total)),
            results: self.sequence,
            ..StreamSummary::default()
        };
        lanes.map(summary).collect()
    }

    /// Where the next result ends, unless the audio does before.
    fn grid(&self) -> u64 {
        match self.lane {
            0 => (self.end / HOP + 1) * HOP,
            _ => self.end.div_ceil(HOP) * HOP,
        }
    }

    /// Where its window begins.
    fn needed(&self) -> u64 {
        self.grid().saturating_sub(WINDOW)
    }

    fn checkpoint(&self) -> Bytes {
        let mut checkpoint = BytesMut::new();
        checkpoint.put_u64(self.total);
        checkpoint.put_u8(self.warned.into());
        checkpoint.freeze()
    }

    fn received(&self) -> u64 {
        self.start + (self.audio.len() / self.frame_bytes) as u64
    }
}

fn fingerprint(what: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}
