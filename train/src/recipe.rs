//! The recipe of a model: front end, network, split and training, in one TOML
//! file.

use std::path::Path;

use ser_features::{FrontEndParams, Reduction, WindowParams};
use serde::{Deserialize, Serialize};

use crate::TrainError;
use crate::error::AtPath;

/// A parsed and checked recipe.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// One line for people.
    pub description: String,
    /// From samples to features; goes into the package as it stands. `reduce`
    /// must be `mean`: the network reads a vector as a sequence of single values.
    pub front_end: FrontEndParams,
    /// When windows start and end; goes into the package as it stands.
    pub windows: WindowParams,
    /// The layers.
    pub network: NetworkSpec,
    /// The proportions of the split.
    pub split: SplitSpec,
    /// How the weights are fitted.
    pub training: TrainingSpec,
    /// From posteriors to verdicts.
    pub decision: DecisionRecipe,
}

/// LSTM, dense layers with ReLU and dropout, dense layer with softmax.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkSpec {
    /// Units of the LSTM, whose last hidden state goes on.
    pub lstm_units: usize,
    /// The hidden dense layers, in order.
    pub dense: Vec<DenseSpec>,
}

/// A dense layer with ReLU.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DenseSpec {
    /// Units of the layer.
    pub units: usize,
    /// Share of its outputs that training drops, 0 to less than 1.
    pub dropout: f64,
}

/// The proportions of the split.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SplitSpec {
    /// Share of the clips on the test side of the random protocol; between 0 and 1.
    pub test: f64,
    /// Share of the training side that the state is chosen on; between 0 and 1.
    pub validation: f64,
}

/// Adam on the categorical cross-entropy. The learning rate falls from its first
/// value to its last along half a cosine.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingSpec {
    /// Times that every clip is seen, from 1.
    pub epochs: usize,
    /// Clips a step, from 1.
    pub batch_size: usize,
    /// Adam's step size at the first step, above 0.
    pub learning_rate: f64,
    /// Adam's step size at the last step: above 0, at most `learning_rate`.
    pub final_learning_rate: f64,
    /// The gradient of each tensor is scaled down to this norm; above 0.
    pub clip_norm: f32,
    /// Standard deviation of the normal noise that is added to the standardised
    /// features of every step, from 0.
    pub feature_noise: f32,
    /// Each clip of a step is mixed with another one of it, features and one-hot
    /// labels alike, in shares drawn from Beta(mixup, mixup) (Zhang et al., 2018);
    /// 0 to 1, with 0 none is.
    pub mixup: f64,
}

/// How the `[decision]` of the package is found on the validation part.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionRecipe {
    /// Share of the validation clips that the threshold marks as uncertain, 0 to
    /// less than 1.
    pub uncertain_share: f64,
}

impl Recipe {
    /// Reads and checks a recipe.
    ///
    /// # Errors
    ///
    /// [`TrainError::Recipe`] names the key, what it holds and what was expected.
    pub fn read(file: &Path) -> Result<Self, TrainError> {
        let text = std::fs::read_to_string(file).at(file)?;
        Self::parse(&text).map_err(|reason| TrainError::Recipe {
            file: file.to_owned(),
            reason,
        })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let recipe: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        recipe.check()?;
        Ok(recipe)
    }

    fn check(&self) -> Result<(), String> {
        self.front_end
            .validate()
            .map_err(|error| error.to_string())?;
        if self.front_end.reduce != Reduction::Mean {
            return Err("front_end.reduce: expected \"mean\"".to_owned());
        }
        let between = |value: f64, low: f64, high: f64| value > low && value < high;
        let NetworkSpec { lstm_units, dense } = &self.network;
        let TrainingSpec {
            epochs,
            batch_size,
            learning_rate,
            final_learning_rate,
            clip_norm,
            feature_noise,
            mixup,
        } = self.training;
        let uncertain = self.decision.uncertain_share;
        let checks = [
            (
                "network.lstm_units",
                *lstm_units as f64,
                *lstm_units > 0,
                "1 or more",
            ),
            (
                "split.test",
                self.split.test,
                between(self.split.test, 0.0, 1.0),
                "between 0 and 1",
            ),
            (
                "split.validation",
                self.split.validation,
                between(self.split.validation, 0.0, 1.0),
                "between 0 and 1",
            ),
            ("training.epochs", epochs as f64, epochs > 0, "1 or more"),
            (
                "training.batch_size",
                batch_size as f64,
                batch_size > 0,
                "1 or more",
            ),
            (
                "training.learning_rate",
                learning_rate,
                between(learning_rate, 0.0, 1.0),
                "between 0 and 1",
            ),
            (
                "training.final_learning_rate",
                final_learning_rate,
                final_learning_rate > 0.0 && final_learning_rate <= learning_rate,
                "above 0, at most learning_rate",
            ),
            (
                "training.clip_norm",
                f64::from(clip_norm),
                clip_norm > 0.0 && clip_norm.is_finite(),
                "a finite number above 0",
            ),
            (
                "training.feature_noise",
                f64::from(feature_noise),
                feature_noise >= 0.0 && feature_noise.is_finite(),
                "a finite number from 0",
            ),
            (
                "training.mixup",
                mixup,
                (0.0..=1.0).contains(&mixup),
                "0 to 1",
            ),
            (
                "decision.uncertain_share",
                uncertain,
                (0.0..1.0).contains(&uncertain),
                "0 to less than 1",
            ),
        ];
        for (key, value, good, expected) in checks {
            if !good {
                return Err(format!("{key}: {value}; expected {expected}"));
            }
        }
        for (index, DenseSpec { units, dropout }) in dense.iter().enumerate() {
            if *units == 0 {
                return Err(format!(
                    "network.dense[{index}].units: 0; expected 1 or more"
                ));
            }
            if !(0.0..1.0).contains(dropout) {
                let expected = "expected 0 to less than 1";
                return Err(format!(
                    "network.dense[{index}].dropout: {dropout}; {expected}"
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: &str = include_str!("../recipes/tess-lstm.toml");

    #[test]
    fn the_shipped_recipe_is_the_seed_model() {
        let recipe = Recipe::parse(SEED).unwrap();
        assert_eq!(recipe.network.lstm_units, 123);
        let dense = [
            DenseSpec {
                units: 64,
                dropout: 0.22,
            },
            DenseSpec {
                units: 32,
                dropout: 0.12,
            },
        ];
        assert_eq!(recipe.network.dense, dense);
        assert_eq!(recipe.front_end.n_mfcc, Some(40));
        assert_eq!(recipe.windows.window * recipe.front_end.hop_length, 66_048);
    }

    #[test]
    fn errors_name_the_key_the_value_and_what_was_expected() {
        for (from, to, expected) in [
            ("epochs", "epoch", "epoch"),
            (
                "lstm_units = 123",
                "lstm_units = 0",
                "network.lstm_units: 0; expected 1 or more",
            ),
            (
                "dropout = 0.12",
                "dropout = 1.0",
                "network.dense[1].dropout: 1; expected 0 to less",
            ),
            (
                "test = 0.2",
                "test = 1.5",
                "split.test: 1.5; expected between 0 and 1",
            ),
            (
                "reduce = \"mean\"",
                "reduce = \"none\"",
                "front_end.reduce: expected \"mean\"",
            ),
            (
                "hop_length = 512",
                "hop_length = 0",
                "front_end.hop_length: 0; expected",
            ),
            (
                "clip_norm = 1.0",
                "clip_norm = nan",
                "training.clip_norm: NaN; expected a finite",
            ),
            ("mel_scale = \"slaney\"", "mel_scale = \"bark\"", "bark"),
        ] {
            assert!(SEED.contains(from), "{from}");
            let reason = Recipe::parse(&SEED.replacen(from, to, 1)).unwrap_err();
            assert!(reason.contains(expected), "{to}: {reason}");
        }
    }
}
