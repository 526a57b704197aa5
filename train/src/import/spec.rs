//! What an ONNX file doesn't say: the file that goes with it into an import.

use std::collections::BTreeMap;
use std::path::Path;

use ser_backend::DecisionSpec;
use ser_features::{FrontEndParams, WindowParams};
use serde::Deserialize;

use crate::TrainError;
use crate::error::AtPath;

/// The parsed file. The keys that `model.toml` has, too, mean the same here and go
/// into it as they stand.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportSpec {
    /// The package's name.
    pub name: String,
    /// The package's version.
    pub version: String,
    /// One line for people.
    pub description: String,
    /// Licence of the weights, as an SPDX expression.
    pub licence: String,
    /// Who trained the model, with what and on what: for the model card.
    pub origin: String,
    /// In the order of the model's outputs.
    pub labels: Vec<String>,
    /// What the model gives.
    #[serde(default)]
    pub output: OutputKind,
    /// What was done to features before the model saw them in training. Absent: it
    /// takes them raw.
    pub standardisation: Option<StandardisationSpec>,
    /// From posteriors to verdicts. Absent: they stay as they are, and none is
    /// uncertain.
    #[serde(default = "as_they_are")]
    pub decision: DecisionSpec,
    /// From samples to features.
    pub front_end: FrontEndParams,
    /// When windows start and end.
    pub windows: WindowParams,
    /// Facts for people and tools.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
}

/// What a model gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutputKind {
    /// Numbers that sum up to 1.
    #[default]
    Posteriors,
    /// What a softmax makes posteriors of.
    Logits,
}

/// `(features − mean) / deviation`, number by number: as many as a row of the
/// model's input has.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandardisationSpec {
    /// What was taken away from each feature.
    pub mean: Vec<f32>,
    /// What the rest was divided by; none is 0.
    pub deviation: Vec<f32>,
}

fn as_they_are() -> DecisionSpec {
    DecisionSpec {
        temperature: 1.0,
        uncertain_below: 0.0,
    }
}

impl ImportSpec {
    /// Reads and checks a file.
    ///
    /// # Errors
    ///
    /// [`TrainError::Import`] names the key, what it holds and what was expected.
    pub fn read(file: &Path) -> Result<Self, TrainError> {
        let text = std::fs::read_to_string(file).at(file)?;
        Self::parse(&text).map_err(|reason| TrainError::Import {
            file: file.to_owned(),
            reason,
        })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let spec: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        spec.front_end
            .validate()
            .map_err(|error| error.to_string())?;
        if spec.origin.trim().is_empty() {
            return Err(format!("origin: {:?}; expected some text", spec.origin));
        }
        Ok(spec)
    }
}
