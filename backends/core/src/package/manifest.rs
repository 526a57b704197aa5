//! `model.toml`: what a package says of itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::RowShape;

/// The version of the package format that this crate reads and writes.
pub const FORMAT: u32 = 1;

/// The parsed `model.toml`. Sections that only the front end understands stay
/// unread here: a backend knows nothing of audio.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of the package format: [`FORMAT`].
    pub format: u32,
    /// `[a-z0-9][a-z0-9._-]*`.
    pub name: String,
    /// `[a-z0-9][a-z0-9._-]*`.
    pub version: String,
    /// One line for people.
    pub description: String,
    /// SPDX expression of the licence of the weights.
    pub licence: String,
    /// In the order of the graph's outputs.
    pub labels: Vec<String>,
    /// How exact a backend must be.
    pub precision: Precision,
    /// The shape of the graph's inputs.
    pub input: InputSpec,
    /// From posteriors to verdicts.
    pub decision: DecisionSpec,
    /// `[front_end]`, for the front end to read.
    pub front_end: toml::Table,
    /// `[windows]`, for the front end to read. Absent in recurrent packages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub windows: Option<toml::Table>,
    /// Facts for people and tools, for instance figures of the evaluation.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

impl Manifest {
    /// `name/version`.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}/{}", self.name, self.version)
    }

    /// The shape of one row.
    #[must_use]
    pub fn row_shape(&self) -> RowShape {
        let (steps, width, state) = match self.input {
            InputSpec::Windowed { steps, width } => (steps, width, 0),
            InputSpec::Recurrent {
                steps,
                width,
                state,
            } => (steps, width, state),
        };
        RowShape {
            steps,
            width,
            state,
            classes: self.labels.len(),
        }
    }
}

/// The shape of the graph's inputs.
///
/// A windowed graph has one input `features` `[rows, steps, width]`; a recurrent
/// one also `state` `[rows, state]` and `valid_steps` `[rows]` (int32). Outputs
/// are `posteriors` `[rows, labels]` and, if recurrent, `next_state`
/// `[rows, state]`. A stream's state starts at zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum InputSpec {
    /// A row holds the features of a whole window.
    Windowed {
        /// Time steps of a row.
        steps: usize,
        /// Values a step.
        width: usize,
    },
    /// A row holds new frames; state carries what came before.
    Recurrent {
        /// Frames of a row: the hop.
        steps: usize,
        /// Values a frame.
        width: usize,
        /// Values of state.
        state: usize,
    },
}

/// The arithmetic that the package's golden outputs were computed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floating point.
    Fp32,
    /// 16-bit floating point.
    Fp16,
    /// 8-bit integers.
    Int8,
}

impl Precision {
    /// How far a value may be off the golden one.
    #[must_use]
    pub fn tolerance(self) -> f32 {
        match self {
            Self::Fp32 => 1e-4,
            Self::Fp16 => 5e-3,
            Self::Int8 => 2e-2,
        }
    }
}

/// From posteriors to verdicts.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionSpec {
    /// Posteriors are calibrated as `softmax(ln p / temperature)`; above 0.
    pub temperature: f32,
    /// A likeliest posterior below this is uncertain; 0 to 1.
    pub uncertain_below: f32,
}
