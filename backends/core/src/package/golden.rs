//! `golden.json`: synthesised inputs with the outputs they must give.

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
