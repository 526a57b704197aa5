//! The `[front_end]` table of `model.toml`: from samples to features.

use serde::{Deserialize, Serialize};

use crate::{FeatureError, SampleRate};

/// How a model's features are computed, as `model.toml` declares it.
///
/// The meaning of every key is that of the argument of the same name in
/// `librosa.feature.mfcc` and `librosa.feature.melspectrogram`, version 0.11,
/// with `center=True` and `pad_mode="constant"`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FrontEndParams {
    /// The model's sample rate in Hz, 8,000 to 192,000.
    pub sample_rate: u32,
    /// Samples of a frame: even, 64 to 16,384.
    pub n_fft: usize,
    /// Samples from one frame to the next: 1 to half of `n_fft`, so that every
    /// new sample soon falls into a new frame.
    pub hop_length: usize,
    /// The taper that each frame is multiplied by.
    pub window: WindowFunction,
    /// Mel bands, 1 to 512.
    pub n_mels: usize,
    /// Lower edge of the lowest band in Hz, from 0.
    pub f_min: f64,
    /// Upper edge of the highest band in Hz, above `f_min` and at most half of
    /// `sample_rate`.
    pub f_max: f64,
    /// How bands are spaced.
    pub mel_scale: MelScale,
    /// How bands are weighted.
    pub mel_norm: MelNorm,
    /// Powers below this count as this: above 0.
    pub amin: f32,
    /// Levels more than this many dB under the loudest of the window count as
    /// that: above 0. Absent: no clipping. Refused for recurrent models, where
    /// a frame is final before the window's maximum is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_db: Option<f32>,
    /// What a frame becomes.
    pub features: FeatureKind,
    /// Coefficients of a frame, 1 to `n_mels`: with [`FeatureKind::Mfcc`], and
    /// only there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n_mfcc: Option<usize>,
    /// What becomes of the frames of a window.
    pub reduce: Reduction,
}

/// The taper of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WindowFunction {
    /// The periodic Hann window of `n_fft` samples.
    Hann,
}

/// The mel scale that bands are equally spaced on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MelScale {
    /// Linear below 1 kHz, logarithmic above (Slaney's Auditory Toolbox).
    Slaney,
    /// `2595·log10(1 + f/700)` (the Hidden Markov Model Toolkit).
    Htk,
}

/// The weight of a mel band.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MelNorm {
    /// Every triangle has an area of 1 over Hz.
    Slaney,
    /// Every triangle peaks at 1.
    None,
}

/// What a frame becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeatureKind {
    /// Mel-frequency cepstral coefficients: the orthonormal DCT-II of the
    /// log-mel levels.
    Mfcc,
    /// The log-mel levels, in dB.
    LogMel,
}

/// What becomes of the frames of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reduction {
    /// Their mean: a row holds one value a feature.
    Mean,
    /// All are kept: a row holds frames × features.
    None,
}

impl FrontEndParams {
    /// Values a frame: coefficients or bands.
    #[must_use]
    pub fn width(&self) -> usize {
        match self.features {
            FeatureKind::Mfcc => self.n_mfcc.unwrap_or(self.n_mels),
            FeatureKind::LogMel => self.n_mels,
        }
    }

    /// Checks every key's range.
    ///
    /// # Errors
    ///
    /// [`FeatureError::Setting`] with the first key that is out of range.
    pub fn validate(&self) -> Result<(), FeatureError> {
        let refuse = |key: &str, value: &dyn std::fmt::Display, expected: String| {
            Err(FeatureError::setting(
                format!("front_end.{key}"),
                value,
                expected,
            ))
        };
        if SampleRate::new(self.sample_rate).is_err() {
            let expected = format!("{} to {} Hz", SampleRate::MIN.hz(), SampleRate::MAX.hz());
            return refuse("sample_rate", &format!("{} Hz", self.sample_rate), expected);
        }
        if !(64..=16_384).contains(&self.n_fft) || !self.n_fft.is_multiple_of(2) {
            return refuse("n_fft", &self.n_fft, "an even number, 64 to 16384".into());
        }
        if !(1..=self.n_fft / 2).contains(&self.hop_length) {
            let expected = format!("1 to {}, half of n_fft", self.n_fft / 2);
            return refuse("hop_length", &self.hop_length, expected);
        }
        if !(1..=512).contains(&self.n_mels) {
            return refuse("n_mels", &self.n_mels, "1 to 512".into());
        }
        let nyquist = f64::from(self.sample_rate) / 2.0;
        if !(0.0..nyquist).contains(&self.f_min) {
            return refuse("f_min", &self.f_min, format!("0 to less than {nyquist} Hz"));
        }
        if !(self.f_max > self.f_min && self.f_max <= nyquist) {
            let expected = format!("more than {}, at most {nyquist} Hz", self.f_min);
            return refuse("f_max", &self.f_max, expected);
        }
        if !(self.amin.is_normal() && self.amin > 0.0) {
            return refuse("amin", &self.amin, "a finite number above 0".into());
        }
        if let Some(top_db) = self.top_db
            && !(top_db.is_finite() && top_db > 0.0)
        {
            return refuse("top_db", &top_db, "a finite number above 0".into());
        }
        match (self.features, self.n_mfcc) {
            (FeatureKind::Mfcc, None) => {
                let expected = format!("1 to {} with features = \"mfcc\"", self.n_mels);
                refuse("n_mfcc", &"missing", expected)
            }
            (FeatureKind::Mfcc, Some(n)) if !(1..=self.n_mels).contains(&n) => {
                refuse("n_mfcc", &n, format!("1 to {}, n_mels", self.n_mels))
            }
            (FeatureKind::LogMel, Some(n)) => {
                refuse("n_mfcc", &n, "none with features = \"log-mel\"".into())
            }
            _ => Ok(()),
        }
    }

    /// Checks what only a recurrent model asks for.
    pub(crate) fn validate_recurrent(&self, steps: usize) -> Result<(), FeatureError> {
        self.validate()?;
        if let Some(top_db) = self.top_db {
            let expected = "none, the model is recurrent";
            return Err(FeatureError::setting("front_end.top_db", top_db, expected));
        }
        if self.reduce == Reduction::Mean {
            let expected = "\"none\", the model is recurrent";
            return Err(FeatureError::setting(
                "front_end.reduce",
                "\"mean\"",
                expected,
            ));
        }
        if !(1..=MAX_STEPS).contains(&steps) {
            let expected = format!("1 to {MAX_STEPS}");
            return Err(FeatureError::setting("input.steps", steps, expected));
        }
        Ok(())
    }
}

/// Most frames of a row or a window; bounds the memory of a stream.
pub(crate) const MAX_STEPS: usize = 8192;
