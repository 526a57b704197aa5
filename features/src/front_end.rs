//! The streaming front end: samples of one lane in, rows of features out.

use std::sync::Arc;
use std::time::Duration;

use crate::{FeatureError, FrontEndParams, SampleRate, WindowParams, WindowRequest};

/// Everything immutable that streams of equal settings share.
pub struct FrontEndPlan {}

impl FrontEndPlan {
    /// A plan for a windowed model.
    ///
    /// # Errors
    ///
    /// [`FeatureError::Setting`].
    pub fn windowed(
        params: &FrontEndParams,
        windows: &WindowParams,
        request: WindowRequest,
        input: SampleRate,
    ) -> Result<Arc<Self>, FeatureError> {
        let _ = (params, windows, request, input);
        todo!()
    }

    /// A plan for a recurrent model.
    ///
    /// # Errors
    ///
    /// [`FeatureError::Setting`].
    pub fn recurrent(
        params: &FrontEndParams,
        steps: usize,
        input: SampleRate,
    ) -> Result<Arc<Self>, FeatureError> {
        let _ = (params, steps, input);
        todo!()
    }

    /// Effective window; `None` for recurrent.
    #[must_use]
    pub fn window(&self) -> Option<Duration> {
        todo!()
    }

    /// Effective hop.
    #[must_use]
    pub fn hop(&self) -> Duration {
        todo!()
    }

    /// The resampler's look-ahead.
    #[must_use]
    pub fn algorithmic_delay(&self) -> Duration {
        todo!()
    }

    /// Features of a row.
    #[must_use]
    pub fn row_len(&self) -> usize {
        todo!()
    }
}

/// The front end of one lane.
pub struct FrontEnd {
    plan: Arc<FrontEndPlan>,
}

impl FrontEnd {
    /// At the start of a stream.
    #[must_use]
    pub fn new(plan: Arc<FrontEndPlan>) -> Self {
        Self { plan }
    }

    /// The plan this front end was made of.
    #[must_use]
    pub fn plan(&self) -> &Arc<FrontEndPlan> {
        &self.plan
    }

    /// Takes samples.
    pub fn push(&mut self, samples: &[f32], emit: &mut impl FnMut(Segment<'_>)) {
        let _ = (samples, emit);
        todo!()
    }

    /// Half-close.
    pub fn finish(&mut self, emit: &mut impl FnMut(Segment<'_>)) {
        let _ = emit;
        todo!()
    }

    /// Client samples so far.
    #[must_use]
    pub fn received(&self) -> u64 {
        todo!()
    }
}

/// One row of features with the audio it speaks of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Segment<'a> {
    /// Where the window starts.
    pub start: Duration,
    /// Where it ends.
    pub end: Duration,
    /// The end of the segment before, or 0.
    pub new_start: Duration,
    /// `end` in client samples, rounded up.
    pub end_sample: u64,
    /// `row_len` values, `[steps, width]`.
    pub features: &'a [f32],
    /// Steps that hold audio.
    pub valid_steps: usize,
    /// Whether somebody speaks.
    pub speech: bool,
    /// Why now.
    pub trigger: Trigger,
}

/// Why a segment was emitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trigger {
    /// A hop of new audio was complete.
    Interval,
    /// The audio ended.
    EndOfStream,
}
