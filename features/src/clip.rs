//! Features of whole clips.

use crate::{FeatureError, FrontEnd, FrontEndParams, FrontEndPlan, SampleRate};

/// Computes the features of whole clips of any length, as `librosa` does on all
/// samples at once. Made once for many clips: its tables take longer than a
/// clip.
#[derive(Debug)]
pub struct ClipExtractor {
    plan: FrontEndPlan,
}

impl ClipExtractor {
    /// An extractor for mono clips at rate `input`.
    ///
    /// # Errors
    ///
    /// [`FeatureError::Setting`] names the key that is out of range.
    pub fn new(params: &FrontEndParams, input: SampleRate) -> Result<Self, FeatureError> {
        Ok(Self {
            plan: FrontEndPlan::for_clips(params, input)?,
        })
    }

    /// The features of a clip of finite samples: `[width]` with `reduce =
    /// "mean"`, else `[frames, width]`.
    ///
    /// # Errors
    ///
    /// [`FeatureError::Setting`] for a clip without samples.
    pub fn extract(&self, samples: &[f32]) -> Result<Vec<f32>, FeatureError> {
        let mut features = Vec::new();
        let mut front_end = FrontEnd::new(self.plan.for_clip(samples.len()));
        let mut keep = |segment: crate::Segment<'_>| {
            let audio = segment.valid_steps * self.plan.width();
            features.extend_from_slice(&segment.features[segment.features.len() - audio..]);
        };
        front_end.push(samples, &mut keep);
        front_end.finish(&mut keep);
        if features.is_empty() {
            return Err(FeatureError::setting("samples", 0, "at least 1"));
        }
        Ok(features)
    }
}

/// The features of a single clip: see [`ClipExtractor::extract`].
///
/// # Errors
///
/// [`FeatureError::Setting`] names the key that is out of range, or `samples` of
/// a clip without any.
pub fn clip_features(
    params: &FrontEndParams,
    input: SampleRate,
    samples: &[f32],
) -> Result<Vec<f32>, FeatureError> {
    ClipExtractor::new(params, input)?.extract(samples)
}
