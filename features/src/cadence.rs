//! When a stream's frames become rows: the frames that both kinds of model need,
//! and what the two do differently.

use std::sync::Arc;
use std::time::Duration;

use crate::log_mel::LogMel;
use crate::mfcc::Features;
use crate::stft::History;
use crate::voice::VoiceTiming;
use crate::{FrontEndParams, VoiceDetector};

/// Everything that turns samples at the model's rate into features.
pub(crate) struct Analysis {
    pub(crate) log_mel: LogMel,
    pub(crate) features: Features,
    pub(crate) sample_rate: u32,
    pub(crate) hop_length: u64,
    /// Half of `n_fft`: how far a frame reaches to either side of its centre.
    pub(crate) reach: u64,
    n_fft: usize,
}

impl Analysis {
    pub(crate) fn new(params: &FrontEndParams) -> Self {
        Self {
            log_mel: LogMel::new(params),
            features: Features::new(params),
            sample_rate: params.sample_rate,
            hop_length: params.hop_length as u64,
            reach: params.n_fft as u64 / 2,
            n_fft: params.n_fft,
        }
    }

    /// Frames at either end of a window that zeros reach into.
    pub(crate) fn edge_frames(&self) -> u64 {
        self.reach.div_ceil(self.hop_length)
    }

    /// The first sample of a frame.
    pub(crate) fn frame_start(&self, frame: u64) -> u64 {
        (frame * self.hop_length).saturating_sub(self.reach)
    }

    /// The first frame that needs no sample before `sample`.
    pub(crate) fn first_frame(&self, sample: u64) -> u64 {
        match sample {
            0 => 0,
            _ => (sample + self.reach).div_ceil(self.hop_length),
        }
    }

    /// The first frame that features and voice of frames from `frame` on depend on.
    pub(crate) fn first_heard(&self, frame: u64) -> u64 {
        VoiceTiming::new(self.frame_period()).first_heard(frame)
    }

    fn frame_period(&self) -> Duration {
        Duration::from_secs_f64(self.hop_length as f64 / f64::from(self.sample_rate))
    }
}

/// A stream's frames, as samples arrive. Frame k is centred on sample
/// k × `hop_length`; positions are samples at the model's rate.
pub(crate) struct Frames {
    pub(crate) analysis: Arc<Analysis>,
    history: History,
    next: u64,
    voice: VoiceDetector,
    /// The newest frame in which somebody speaks.
    voiced: Option<u64>,
}

impl Frames {
    /// From frame `first` on, with whose first sample the samples begin.
    pub(crate) fn new(analysis: Arc<Analysis>, first: u64) -> Self {
        let centres = analysis.log_mel.mel().centres();
        Self {
            history: History::new(analysis.n_fft, analysis.frame_start(first)),
            next: first,
            voice: VoiceDetector::new(centres, analysis.frame_period()).before(first),
            voiced: None,
            analysis,
        }
    }

    /// Samples so far, those before the first frame included.
    pub(crate) fn end(&self) -> u64 {
        self.history.end()
    }

    /// The first frame that has not been observed.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Where that frame's samples end.
    pub(crate) fn next_end(&self) -> u64 {
        self.next * self.analysis.hop_length + self.analysis.reach
    }

    /// The last frame centred on a sample so far.
    pub(crate) fn last(&self) -> u64 {
        self.end() / self.analysis.hop_length
    }

    /// Takes samples, none beyond [`next_end`](Self::next_end).
    pub(crate) fn push(&mut self, samples: &[f32]) {
        self.history.push(samples);
    }

    /// The levels of a frame that ends here or is cut short here, with zeros
    /// before frame `from`'s centre.
    pub(crate) fn levels(&self, frame: u64, from: u64, levels: &mut [f32]) {
        let hop = self.analysis.hop_length;
        self.analysis
            .log_mel
            .row(&self.history, frame * hop, from * hop, levels);
    }

    /// Shows the levels of the next frame to the voice detector.
    pub(crate) fn observe(&mut self, levels: &[f32]) {
        if self.voice.row(levels) {
            self.voiced = Some(self.next);
        }
        self.next += 1;
    }

    /// Whether somebody speaks in an observed frame from `first` on.
    pub(crate) fn voiced_since(&self, first: u64) -> bool {
        self.voiced.is_some_and(|frame| frame >= first)
    }
}

/// A row of features; positions are samples at the model's rate.
pub(crate) struct Row<'a> {
    /// Counts the rows of the stream.
    pub(crate) index: u64,
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// The end of the row before, or 0.
    pub(crate) new_start: u64,
    pub(crate) features: &'a [f32],
    pub(crate) valid_steps: usize,
    pub(crate) speech: bool,
}

/// What takes the rows.
pub(crate) type Emit<'a> = dyn FnMut(Row<'_>) + 'a;

/// Makes rows of a stream's frames.
pub(crate) trait Cadence: Send {
    /// Takes and observes the next frame, whose last sample has just come.
    fn frame(&mut self, frames: &mut Frames);

    /// Where the next scheduled row ends.
    fn next_end(&self) -> u64;

    /// Emits that row, whose last sample has just come.
    fn scheduled(&mut self, frames: &Frames, emit: &mut Emit<'_>);

    /// Emits what the end of the audio, after `total` samples, cuts short: nothing
    /// if none have come since the last row.
    fn close(&mut self, frames: &mut Frames, total: u64, emit: &mut Emit<'_>);
}
