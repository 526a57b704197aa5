//! `golden.json`: synthesised inputs with the outputs they must give.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};

/// The parsed `golden.json`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Golden {
    /// Rows that every backend replays after loading.
    pub rows: Vec<GoldenRow>,
    /// Audio that the server replays through its front end and the model.
    pub audio: Vec<GoldenAudio>,
}

/// One row with its outputs.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenRow {
    /// `[steps, width]`, row-major.
    pub features: Vec<f32>,
    /// `[state]`; empty for a windowed package.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub state: Vec<f32>,
    /// Steps that hold audio.
    pub valid_steps: usize,
    /// `[labels]`.
    pub posteriors: Vec<f32>,
    /// `[state]`; empty for a windowed package.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub next_state: Vec<f32>,
}

/// Synthesised audio with the rows that the front end must make of it, in order.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenAudio {
    /// In Hz.
    pub sample_rate: u32,
    /// Mono s16le, base64.
    pub samples: String,
    /// One for each window, the last at the end of the audio.
    pub rows: Vec<GoldenRow>,
}

impl GoldenAudio {
    /// Packs samples with the rows that they must give.
    #[must_use]
    pub fn new(sample_rate: u32, samples: &[i16], rows: Vec<GoldenRow>) -> Self {
        let bytes: Vec<u8> = samples
            .iter()
            .flat_map(|sample| sample.to_le_bytes())
            .collect();
        Self {
            sample_rate,
            samples: BASE64_STANDARD.encode(bytes),
            rows,
        }
    }

    /// The samples.
    ///
    /// # Errors
    ///
    /// When they aren't base64 of whole samples; not in a validated package.
    pub fn samples(&self) -> Result<Vec<i16>, GoldenAudioError> {
        let bytes = BASE64_STANDARD.decode(&self.samples)?;
        let (samples, rest) = bytes.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(GoldenAudioError::OddLength(bytes.len()));
        }
        Ok(samples
            .iter()
            .map(|sample| i16::from_le_bytes(*sample))
            .collect())
    }
}

/// Golden audio whose samples can't be unpacked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GoldenAudioError {
    /// Not base64.
    #[error("samples: {0}; expected base64")]
    Base64(#[from] base64::DecodeError),
    /// Half a sample is left over.
    #[error("samples: {0} bytes; expected two for each sample")]
    OddLength(usize),
}
