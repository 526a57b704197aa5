//! The streaming front end: samples of one lane in, rows of features out.

use std::fmt;
use std::ops::RangeInclusive;
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
    /// is out of range, or the request's `window` or `hop`;
    /// [`FeatureError::UncommonRates`].
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
    /// range or refused for recurrent models, or `input.steps`;
    /// [`FeatureError::UncommonRates`].
    pub fn recurrent(
        params: &FrontEndParams,
        steps: usize,
        input: SampleRate,
    ) -> Result<Arc<Self>, FeatureError> {
        params.validate_recurrent(steps)?;
        Self::new(params, input, Rows::Recurrent { steps }).map(Arc::new)
    }

    fn new(params: &FrontEndParams, input: SampleRate, rows: Rows) -> Result<Self, FeatureError> {
        let resampler = ResamplerTables::shared(input, SampleRate::new(params.sample_rate)?)?;
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

    /// From where a stream must be replayed that ended too early, so that
    /// [`FrontEnd::resume`] can go on after so many rows: the client's first sample
    /// that any stage needs for a row after them.
    #[must_use]
    pub fn replay_from(&self, rows: u64) -> u64 {
        let heard = self.analysis.first_heard(self.rows.first_frame(rows));
        self.resampler.first_input(self.analysis.frame_start(heard))
    }

    /// How many of the client's samples must have come before the row of this index
    /// is emitted, unless they end earlier.
    #[must_use]
    pub fn complete_at(&self, row: u64) -> u64 {
        self.resampler.inputs_for(self.end(row))
    }

    /// What [`Segment::end_sample`] of the row of this index can be: the last value
    /// if the audio goes on, the others if it has ended.
    ///
    /// Any index is welcome. What lies beyond `u64` is `u64::MAX`.
    #[must_use]
    pub fn end_samples(&self, row: u64) -> RangeInclusive<u64> {
        let rate = u128::from(self.analysis.sample_rate);
        let end = |row: u64| self.rows.end(&self.analysis, row) * u128::from(self.input.hz());
        let small = |sample: u128| u64::try_from(sample).unwrap_or(u64::MAX);
        let first = match self.rows {
            // Some of the client's audio is new.
            Rows::Windowed(_) => row
                .checked_sub(1)
                .map_or(1, |before| end(before) / rate + 1),
            // Rows of the flush may share a sample. Behind the last full one there are
            // at most so many.
            Rows::Recurrent { steps } => {
                let flushed = self.analysis.edge_frames() + steps as u64 - 1;
                let full = row.checked_sub(flushed.div_ceil(steps as u64));
                full.map_or(0, |row| end(row).div_ceil(rate))
            }
        };
        small(first)..=small(end(row).div_ceil(rate))
    }

    /// Where the row of this index ends, at the model's rate, if the audio goes on.
    fn end(&self, row: u64) -> u64 {
        u64::try_from(self.rows.end(&self.analysis, row)).unwrap_or(u64::MAX)
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

    /// A lane from frame `first` on, whose first row is the one of index `row`.
    fn lane(&self, first: u64, row: u64) -> Lane {
        let analysis = &self.analysis;
        let cadence: Box<dyn Cadence> = match self.rows {
            Rows::Windowed(schedule) => Box::new(Windowed::new(analysis, schedule, row)),
            Rows::Recurrent { steps } => Box::new(Recurrent::new(analysis, steps, row)),
        };
        Lane::new(Frames::new(Arc::clone(analysis), first), cadence)
    }
}

impl Rows {
    /// The first frame of a row.
    fn first_frame(self, row: u64) -> u64 {
        match self {
            Self::Windowed(schedule) => schedule.start(row),
            Self::Recurrent { steps } => row * steps as u64,
        }
    }

    /// The sample with which a row ends if the audio goes on.
    fn end(self, analysis: &Analysis, row: u64) -> u128 {
        let hop_length = u128::from(analysis.hop_length);
        let row = u128::from(row);
        match self {
            Self::Windowed(schedule) => {
                let first = u128::from(schedule.end(0));
                (first + row * u128::from(schedule.hop())) * hop_length
            }
            Self::Recurrent { steps } => {
                ((row + 1) * steps as u128 - 1) * hop_length + u128::from(analysis.reach)
            }
        }
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
        Self::starting(plan, 0, 0)
    }

    /// Within a stream that ended too early, after `rows` of its rows. Samples come
    /// from the client's sample `from` on; the first row to be emitted is the one of
    /// index `rows`, and it and all after it are those that the stream would have had,
    /// to the bit.
    ///
    /// # Errors
    ///
    /// [`FeatureError::Setting`] of `replay_from_sample` when `from` lies after
    /// [`FrontEndPlan::replay_from`].
    pub fn resume(plan: Arc<FrontEndPlan>, from: u64, rows: u64) -> Result<Self, FeatureError> {
        let latest = plan.replay_from(rows);
        if from > latest {
            let expected = format!("at most {latest}");
            return Err(FeatureError::setting("replay_from_sample", from, expected));
        }
        Ok(Self::starting(plan, from, rows))
    }

    fn starting(plan: Arc<FrontEndPlan>, from: u64, row: u64) -> Self {
        // Stages begin with the first frame all of whose samples will come.
        let first = plan.analysis.first_frame(plan.resampler.first_output(from));
        let output = plan.analysis.frame_start(first);
        Self {
            resampler: Resampler::starting(Arc::clone(&plan.resampler), from, output),
            lane: plan.lane(first, row),
            plan,
            received: from,
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

    /// Samples of the stream so far, at the input rate; of a resumed one, those before
    /// its first are counted, too.
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
    move |LaneRow { row, trigger }| {
        let (end, end_sample) = match trigger {
            Trigger::Interval => (plan.time_of(row.end), plan.client_samples(row.end)),
            // The model's last sample may stand for less than a whole one.
            Trigger::EndOfStream => (samples_to_duration(received, plan.input.hz()), received),
        };
        emit(Segment {
            index: row.index,
            start: plan.time_of(row.start),
            end,
            new_start: plan.time_of(row.new_start),
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
    /// Counts the rows of the lane.
    pub index: u64,
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
