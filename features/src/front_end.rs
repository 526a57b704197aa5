//! The streaming front end: samples of one lane in, rows of features out.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::cadence::{Analysis, Cadence, Frames};
use crate::lane::{Lane, LaneRow};
use crate::recurrent::Recurrent;
use crate::windowed::Windowed;
use crate::windows::{Schedule, samples_to_duration};
use crate::{
    FeatureError, FrontEndParams, Resampler, ResamplerTables, SampleRate, WindowParams,
    WindowRequest,
};

/// Everything immutable that the streams of equal settings share: tables of the
/// resampler, FFT, mel bank and DCT, and the schedule of rows.
pub struct FrontEndPlan {
    analysis: Arc<Analysis>,
    resampler: Arc<ResamplerTables>,
    input: SampleRate,
    rows: Rows,
}

#[derive(Clone, Copy, Debug)]
enum Rows {
    Windowed(Schedule),
    Recurrent { steps: usize },
}

impl FrontEndPlan {
    /// A plan for a windowed model and audio at rate `input`.
    ///
    /// # Errors
    ///
    /// [`FeatureError::Setting`] names the key of `front_end` or `windows` that
    /// is out of range, or the request's `window` or `hop`.
    pub fn windowed(
        params: &FrontEndParams,
        windows: &WindowParams,
        request: WindowRequest,
        input: SampleRate,
    ) -> Result<Arc<Self>, FeatureError> {
        let schedule = Schedule::new(windows, request, params)?;
        Self::new(params, input, Rows::Windowed(schedule)).map(Arc::new)
    }

    /// A plan for a recurrent model whose rows are `steps` frames, and audio at
    /// rate `input`.
    ///
    /// # Errors
    ///
    /// [`FeatureError::Setting`] names the key of `front_end` that is out of
    /// range or refused for recurrent models, or `input.steps`.
    pub fn recurrent(
        params: &FrontEndParams,
        steps: usize,
        input: SampleRate,
    ) -> Result<Arc<Self>, FeatureError> {
        params.validate_recurrent(steps)?;
        Self::new(params, input, Rows::Recurrent { steps }).map(Arc::new)
    }

    fn new(params: &FrontEndParams, input: SampleRate, rows: Rows) -> Result<Self, FeatureError> {
        let resampler = ResamplerTables::shared(input, SampleRate::new(params.sample_rate)?);
        Ok(Self {
            analysis: Arc::new(Analysis::new(params)),
            resampler,
            input,
            rows,
        })
    }

    /// A plan for clips of unknown length.
    pub(crate) fn for_clips(
        params: &FrontEndParams,
        input: SampleRate,
    ) -> Result<Self, FeatureError> {
        params.validate()?;
        Self::new(params, input, Rows::Windowed(Schedule::whole(1)))
    }

    /// The same plan for one window that holds a clip of `samples` samples.
    pub(crate) fn for_clip(&self, samples: usize) -> Arc<Self> {
        let samples = self.resampled(samples as u64);
        let frames = samples.div_ceil(self.analysis.hop_length).max(1);
        Arc::new(Self {
            analysis: Arc::clone(&self.analysis),
            resampler: Arc::clone(&self.resampler),
            input: self.input,
            rows: Rows::Windowed(Schedule::whole(frames)),
        })
    }

    /// Audio that one row is computed on, once there is enough; `None` for a
    /// recurrent model, which has no windows.
    #[must_use]
    pub fn window(&self) -> Option<Duration> {
        match self.rows {
            Rows::Windowed(schedule) => Some(self.duration_of(schedule.window())),
            Rows::Recurrent { .. } => None,
        }
    }

    /// From one row to the next.
    #[must_use]
    pub fn hop(&self) -> Duration {
        match self.rows {
            Rows::Windowed(schedule) => self.duration_of(schedule.hop()),
            Rows::Recurrent { steps } => self.duration_of(steps as u64),
        }
    }

    /// A row that ends at time t is emitted with the sample at t plus this: the
    /// resampler's look-ahead, 0 between equal rates.
    #[must_use]
    pub fn algorithmic_delay(&self) -> Duration {
        self.resampler.look_ahead()
    }

    /// Values of a row: steps × width.
    #[must_use]
    pub fn row_len(&self) -> usize {
        match self.rows {
            Rows::Windowed(schedule) => Windowed::row_len(&self.analysis, &schedule),
            Rows::Recurrent { steps } => steps * self.width(),
        }
    }

    /// Values of a step.
    #[must_use]
    pub fn width(&self) -> usize {
        self.analysis.features.width()
    }

    fn duration_of(&self, frames: u64) -> Duration {
        self.time_of(frames * self.analysis.hop_length)
    }

    /// The time of a sample at the model's rate.
    fn time_of(&self, sample: u64) -> Duration {
        samples_to_duration(sample, self.analysis.sample_rate)
    }

    /// Samples at the model's rate that `samples` samples of the client become.
    fn resampled(&self, samples: u64) -> u64 {
        let rate = u64::from(self.analysis.sample_rate);
        (samples * rate).div_ceil(u64::from(self.input.hz()))
    }

    /// Samples of the client that a sample at the model's rate is worth, rounded
    /// up.
    fn client_samples(&self, sample: u64) -> u64 {
        let rate = u64::from(self.analysis.sample_rate);
        (sample * u64::from(self.input.hz())).div_ceil(rate)
    }

    fn lane(&self) -> Lane {
        let cadence: Box<dyn Cadence> = match self.rows {
            Rows::Windowed(schedule) => Box::new(Windowed::new(&self.analysis, schedule)),
            Rows::Recurrent { steps } => Box::new(Recurrent::new(&self.analysis, steps)),
        };
        Lane::new(Frames::new(Arc::clone(&self.analysis)), cadence)
    }
}

impl fmt::Debug for FrontEndPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrontEndPlan")
            .field("input", &self.input)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

/// The front end of one lane: resampler, frames, voice detector, windows.
///
/// Results don't depend on how the samples were cut into pushes. After
/// [`new`](Self::new) nothing is allocated, except that the first frame of a
/// thread, or the first of a larger `n_fft`, brings the thread's workspace.
pub struct FrontEnd {
    plan: Arc<FrontEndPlan>,
    resampler: Resampler,
    lane: Lane,
    received: u64,
    finished: bool,
}

impl FrontEnd {
    /// At the start of a stream.
    #[must_use]
    pub fn new(plan: Arc<FrontEndPlan>) -> Self {
        Self {
            resampler: Resampler::new(Arc::clone(&plan.resampler)),
            lane: plan.lane(),
            plan,
            received: 0,
            finished: false,
        }
    }

    /// Takes finite samples at the plan's input rate, and calls `emit` with each
    /// row that they complete. Ignored after [`finish`](Self::finish).
    pub fn push(&mut self, samples: &[f32], emit: &mut impl FnMut(Segment<'_>)) {
        if self.finished {
            return;
        }
        self.received += samples.len() as u64;
        let mut emit = segments(&self.plan, self.received, emit);
        self.resampler
            .push(samples, &mut |samples| self.lane.push(samples, &mut emit));
    }

    /// Ends the audio, and calls `emit` with the rows that are still due: the
    /// last carries [`Trigger::EndOfStream`]. There are none if no audio has
    /// come since the row before.
    pub fn finish(&mut self, emit: &mut impl FnMut(Segment<'_>)) {
        if self.finished {
            return;
        }
        self.finished = true;
        let mut emit = segments(&self.plan, self.received, emit);
        self.lane.announce_end(self.plan.resampled(self.received));
        self.resampler
            .finish(&mut |samples| self.lane.push(samples, &mut emit));
        self.lane.close(&mut emit);
    }

    /// Samples so far, at the input rate.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received
    }
}

/// Turns rows into segments, with times for positions.
fn segments<'a>(
    plan: &'a FrontEndPlan,
    received: u64,
    emit: &'a mut impl FnMut(Segment<'_>),
) -> impl FnMut(LaneRow<'_>) + 'a {
    move |LaneRow {
              row,
              new_start,
              trigger,
          }| {
        let (end, end_sample) = match trigger {
            Trigger::Interval => (plan.time_of(row.end), plan.client_samples(row.end)),
            // The model's last sample may stand for less than a whole one.
            Trigger::EndOfStream => (samples_to_duration(received, plan.input.hz()), received),
        };
        emit(Segment {
            start: plan.time_of(row.start),
            end,
            new_start: plan.time_of(new_start),
            end_sample,
            features: row.features,
            valid_steps: row.valid_steps,
            speech: row.speech,
            trigger,
        });
    }
}

/// One row of features with the audio that it speaks of. Times count from the
/// first sample of the stream; they are those of samples at the model's rate, to
/// the nearest nanosecond.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Segment<'a> {
    /// Where the row's audio starts: its window, or 0 for a recurrent model,
    /// whose state has heard everything.
    pub start: Duration,
    /// Where it ends; with [`Trigger::EndOfStream`], where the client's audio ends.
    pub end: Duration,
    /// Where the audio starts that this row is the first to cover: the end of
    /// the row before, or 0.
    pub new_start: Duration,
    /// `end` as a count of the client's samples, rounded up; with
    /// [`Trigger::EndOfStream`], all that were received.
    pub end_sample: u64,
    /// [`FrontEndPlan::row_len`] values, `[steps, width]`. Steps that hold no
    /// audio are zeros: those of a windowed model come first, those of a
    /// recurrent one last.
    pub features: &'a [f32],
    /// Steps that hold audio.
    pub valid_steps: usize,
    /// Whether somebody speaks: in the window, or in the row's frames if the
    /// model is recurrent.
    pub speech: bool,
    /// Why the row was computed.
    pub trigger: Trigger,
}

/// Why a row was computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trigger {
    /// A hop of new audio was complete.
    Interval,
    /// The audio ended.
    EndOfStream,
}
