//! The figures of several runs together.

use std::fmt::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{ConfusionMatrix, Metrics, RunReport, draw_confusion, draw_curves};
use crate::TrainError;
use crate::dataset::write_atomically;
use crate::error::AtPath;

/// Runs of one kind of protocol.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Evaluation {
    /// Test accuracy of the chosen states.
    pub accuracy: Spread,
    /// Test accuracy of the last epochs' states.
    pub accuracy_last_epoch: Spread,
    /// Unweighted average recall of the chosen states.
    pub unweighted_average_recall: Spread,
    /// All test clips of all runs together, chosen states. Pairs of corpora may
    /// share different labels; here are those of any pair.
    pub pooled: Metrics,
    /// The runs.
    pub runs: Vec<RunReport>,
}

/// A figure over runs.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Spread {
    /// The mean.
    pub mean: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// The spread of at least one figure.
    pub(crate) fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        let count = values.clone().count() as f64;
        Self {
            mean: values.clone().sum::<f64>() / count,
            min: values.clone().fold(f64::INFINITY, f64::min),
            max: values.fold(f64::NEG_INFINITY, f64::max),
        }
    }

    /// In percent: `98.75 (98.21 to 99.29)`, or `98.75` alone.
    #[must_use]
    pub fn percent(&self) -> String {
        let [mean, min, max] = [self.mean, self.min, self.max].map(|share| 100.0 * share);
        if self.min == self.max {
            return format!("{mean:.2}");
        }
        format!("{mean:.2} ({min:.2} to {max:.2})")
    }
}

impl Evaluation {
    /// Puts runs together.
    ///
    /// # Errors
    ///
    /// Without runs.
    pub fn new(runs: Vec<RunReport>) -> Result<Self, TrainError> {
        if runs.is_empty() {
            return Err(TrainError::Data(
                "an evaluation needs at least one run".to_owned(),
            ));
        }
        let matrices = runs.iter().map(|run| &run.test.confusion);
        let pooled = ConfusionMatrix::sum(matrices).metrics();
        let spread = |figure: fn(&RunReport) -> f64| Spread::of(runs.iter().map(figure));
        Ok(Self {
            accuracy: spread(|run| run.test.accuracy),
            accuracy_last_epoch: spread(|run| run.test_last_epoch.accuracy),
            unweighted_average_recall: spread(|run| run.test.unweighted_average_recall),
            pooled,
            runs,
        })
    }

    /// Writes `evaluation.json`, `report.txt`, `confusion.svg` and `curves.svg`.
    ///
    /// # Errors
    ///
    /// When a file can't be written.
    pub fn write(&self, folder: &Path) -> Result<(), TrainError> {
        draw_confusion(&self.pooled.confusion, &folder.join("confusion.svg"))?;
        let curve = |run: &RunReport| format!("{} seed {}", run.protocol.slug(), run.seed);
        let curves: Vec<_> = self
            .runs
            .iter()
            .map(|run| (curve(run), run.history.as_slice()))
            .collect();
        draw_curves(&curves, &folder.join("curves.svg"))?;
        write_atomically(&folder.join("report.txt"), self.to_text().as_bytes())?;
        let json = serde_json::to_vec_pretty(self).expect("finite numbers and strings are JSON");
        write_atomically(&folder.join("evaluation.json"), &json)
    }

    /// Reads the `evaluation.json` of a folder.
    ///
    /// # Errors
    ///
    /// When there is none, or it is damaged.
    pub fn read(folder: &Path) -> Result<Self, TrainError> {
        let path = folder.join("evaluation.json");
        let text = std::fs::read_to_string(&path).at(&path)?;
        serde_json::from_str(&text).map_err(|error| TrainError::Run {
            path,
            reason: error.to_string(),
        })
    }

    /// The figures for people.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::from(
            "run                      test clips  accuracy  last epoch     UAR  chosen epoch\n",
        );
        for run in &self.runs {
            _ = writeln!(
                text,
                "{:<24} {:>10} {:>8.2}% {:>10.2}% {:>6.2}% {:>9}/{}",
                format!("{}-seed{}", run.protocol.slug(), run.seed),
                run.test.clips,
                100.0 * run.test.accuracy,
                100.0 * run.test_last_epoch.accuracy,
                100.0 * run.test.unweighted_average_recall,
                run.chosen_epoch,
                run.history.len(),
            );
        }
        _ = write!(
            text,
            "\nmean (smallest to largest), in percent\n\
             accuracy, chosen state:     {}\n\
             accuracy, last epoch:       {}\n\
             unweighted average recall:  {}\n\n\
             all runs together: {}",
            self.accuracy.percent(),
            self.accuracy_last_epoch.percent(),
            self.unweighted_average_recall.percent(),
            self.pooled.to_text(),
        );
        text
    }
}
