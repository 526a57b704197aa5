//! Features of whole clips.

use crate::{FeatureError, FrontEndParams, SampleRate};

/// Extracts features of whole clips, as `librosa` does, for training.
pub struct ClipExtractor {}

impl ClipExtractor {
    /// For mono clips at rate `input`.
    ///
    /// # Errors
    ///
    /// [`FeatureError::Setting`].
    pub fn new(params: &FrontEndParams, input: SampleRate) -> Result<Self, FeatureError> {
        let _ = (params, input);
        todo!()
    }

    /// `[frames, width]`, or `[width]` with `reduce = "mean"`.
    #[must_use]
    pub fn extract(&self, samples: &[f32]) -> Vec<f32> {
        let _ = samples;
        todo!()
    }
}

/// [`ClipExtractor`] for a single clip.
///
/// # Errors
///
/// [`FeatureError::Setting`].
pub fn clip_features(
    params: &FrontEndParams,
    input: SampleRate,
    samples: &[f32],
) -> Result<Vec<f32>, FeatureError> {
    Ok(ClipExtractor::new(params, input)?.extract(samples))
}
