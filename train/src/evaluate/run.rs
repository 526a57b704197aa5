//! One training with its figures, in a folder of its own.

use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::store::ModuleRecord;
use ser_backend::DecisionSpec;
use ser_backend_burn::training;
use serde::{Deserialize, Serialize};

use super::{ConfusionMatrix, Metrics, calibrate, draw_confusion, draw_curves};
use crate::TrainError;
use crate::corpus::{CorpusKind, Emotion};
use crate::dataset::{Dataset, write_atomically};
use crate::error::AtPath;
use crate::fit::{EpochRecord, FitJob, Observer, fit};
use crate::model::{Classifier, Network, Standardisation, likeliest};
use crate::recipe::Recipe;
use crate::split::{Protocol, labels};

/// What is to be trained and measured.
#[derive(Clone, Debug)]
pub struct Run<'a> {
    /// Front end, network, training.
    pub recipe: &'a Recipe,
    /// The clips.
    pub dataset: &'a Dataset,
    /// How they are split.
    pub protocol: Protocol,
    /// Decides the split and the training.
    pub seed: u64,
}

/// The figures of a run.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RunReport {
    /// How the clips were split.
    pub protocol: Protocol,
    /// What decided the split and the training.
    pub seed: u64,
    /// Corpora of the training side.
    pub train_corpora: Vec<CorpusKind>,
    /// Corpora of the test side.
    pub test_corpora: Vec<CorpusKind>,
    /// Speakers of the test side.
    pub test_speakers: Vec<String>,
    /// What the model tells apart, in the order of its outputs.
    pub labels: Vec<Emotion>,
    /// Trainable parameters.
    pub parameters: usize,
    /// Clips that the weights were fitted to.
    pub train_clips: usize,
    /// The epoch whose state was chosen, counted from 1.
    pub chosen_epoch: usize,
    /// The chosen state on the validation part, which chose it.
    pub validation: Metrics,
    /// The chosen state on the test side.
    pub test: Metrics,
    /// The last epoch's state on the test side: beside the chosen one, for
    /// comparison with work that chooses no state.
    pub test_last_epoch: Metrics,
    /// Calibrated on the validation part.
    pub decision: DecisionSpec,
    /// Every epoch.
    pub history: Vec<EpochRecord>,
}

/// A finished run as it lies on disk.
#[derive(Clone, Debug)]
pub struct TrainedRun {
    /// Front end, network, training.
    pub recipe: Recipe,
    /// The figures.
    pub report: RunReport,
    /// The chosen state.
    pub classifier: Classifier,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct RunFile {
    recipe: Recipe,
    standardisation: Standardisation,
    report: RunReport,
}

impl Run<'_> {
    /// For folders and progress: `random-seed0`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}-seed{}", self.protocol.slug(), self.seed)
    }

    /// Trains, or goes on with a training that was interrupted, then measures and
    /// writes everything into `folder`: `checkpoint/`, `network.bpk`, `run.json`,
    /// `report.txt`, `confusion.svg`, `curves.svg`.
    ///
    /// # Errors
    ///
    /// When the clips can't be split so, the folder holds another run, or the
    /// observer asks to stop.
    pub fn execute(
        &self,
        folder: &Path,
        observer: &mut dyn Observer,
    ) -> Result<RunReport, TrainError> {
        let Self {
            recipe,
            dataset,
            protocol,
            seed,
        } = self;
        let split = protocol.split(dataset, &recipe.split, *seed)?;
        let labels = labels(dataset, &split);
        let job = FitJob {
            recipe,
            dataset,
            train: &split.train,
            validation: &split.validation,
            labels: &labels,
            seed: *seed,
        };
        let fitted = fit(&job, Some(&folder.join("checkpoint")), observer)?;

        let set = |indices: &[usize]| LabelledRows::new(dataset, indices, &labels);
        let validation = set(&split.validation);
        let decision = calibrate(
            &fitted.chosen.logits(&validation.rows),
            &validation.labels,
            recipe.decision.uncertain_share,
        );
        let test = set(&split.test);
        let training_side = [split.train.as_slice(), &split.validation].concat();
        let report = RunReport {
            protocol: protocol.clone(),
            seed: *seed,
            train_corpora: distinct(training_side.iter().map(|&i| dataset.clips[i].corpus)),
            test_corpora: distinct(split.test.iter().map(|&i| dataset.clips[i].corpus)),
            test_speakers: distinct(split.test.iter().map(|&i| dataset.clips[i].speaker.clone())),
            parameters: fitted.chosen.network.num_params(),
            train_clips: split.train.len(),
            chosen_epoch: fitted.chosen_epoch,
            validation: validation.metrics(&fitted.chosen, &labels),
            test: test.metrics(&fitted.chosen, &labels),
            test_last_epoch: test.metrics(&fitted.last, &labels),
            decision,
            history: fitted.history,
            labels,
        };
        let trained = TrainedRun {
            recipe: (*recipe).clone(),
            report,
            classifier: fitted.chosen,
        };
        trained.write(folder)?;
        Ok(trained.report)
    }
}

/// Features and labels of some clips.
struct LabelledRows<'a> {
    rows: Vec<&'a [f32]>,
    labels: Vec<usize>,
}

impl<'a> LabelledRows<'a> {
    fn new(dataset: &'a Dataset, indices: &[usize], labels: &[Emotion]) -> Self {
        let clips = indices.iter().map(|&index| &dataset.clips[index]);
        let label = |emotion| labels.iter().position(|label| *label == emotion);
        Self {
            rows: clips.clone().map(|clip| &*clip.features).collect(),
            labels: clips
                .map(|clip| label(clip.emotion).expect("labels are the emotions of the split"))
                .collect(),
        }
    }

    fn metrics(&self, classifier: &Classifier, labels: &[Emotion]) -> Metrics {
        let given = classifier
            .logits(&self.rows)
            .into_iter()
            .map(|row| likeliest(&row));
        let names = labels.iter().map(Emotion::to_string).collect();
        ConfusionMatrix::new(names, self.labels.iter().copied().zip(given)).metrics()
    }
}

fn distinct<T: Ord>(values: impl Iterator<Item = T>) -> Vec<T> {
    values
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect()
}

impl TrainedRun {
    fn write(&self, folder: &Path) -> Result<(), TrainError> {
        let report = &self.report;
        let network = folder.join("network.bpk");
        self.classifier
            .network
            .clone()
            .into_record()
            .save(&network)
            .map_err(|error| TrainError::Run {
                path: network,
                reason: error.to_string(),
            })?;
        draw_confusion(&report.test.confusion, &folder.join("confusion.svg"))?;
        let curves = [(format!("seed {}", report.seed), report.history.as_slice())];
        draw_curves(&curves, &folder.join("curves.svg"))?;
        write_atomically(&folder.join("report.txt"), report.to_text().as_bytes())?;
        let file = RunFile {
            recipe: self.recipe.clone(),
            standardisation: self.classifier.standardisation.clone(),
            report: report.clone(),
        };
        let json = serde_json::to_vec_pretty(&file).expect("finite numbers and strings are JSON");
        write_atomically(&folder.join("run.json"), &json)
    }

    /// Reads a run that [`Run::execute`] finished.
    ///
    /// # Errors
    ///
    /// When the folder holds none, or a file of it is damaged.
    pub fn read(folder: &Path) -> Result<Self, TrainError> {
        let invalid = |path: PathBuf, reason: String| TrainError::Run { path, reason };
        let path = folder.join("run.json");
        let text = std::fs::read_to_string(&path).at(&path)?;
        let RunFile {
            recipe,
            standardisation,
            report,
        } = serde_json::from_str(&text).map_err(|error| invalid(path, error.to_string()))?;
        let device = training::device();
        let network = Network::new(&recipe.network, report.labels.len(), 0, &device);
        let path = folder.join("network.bpk");
        let record =
            ModuleRecord::load(&path).map_err(|error| invalid(path.clone(), error.to_string()))?;
        let network = network
            .try_load_record(record)
            .map_err(|error| invalid(path, error.to_string()))?;
        Ok(Self {
            recipe,
            report,
            classifier: Classifier {
                standardisation,
                network,
            },
        })
    }
}

impl RunReport {
    /// The figures for people.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!(
            "protocol {}, seed {}, {} trainable parameters\n\
             trained on {} clips, state of epoch {} of {} chosen on {} validation clips \
             (accuracy {:.2} %)\n\n\
             test side, chosen state: {}\n\
             test side, last epoch: accuracy {:.2} %, unweighted average recall {:.2} %\n",
            self.protocol.slug(),
            self.seed,
            self.parameters,
            self.train_clips,
            self.chosen_epoch,
            self.history.len(),
            self.validation.clips,
            100.0 * self.validation.accuracy,
            self.test.to_text(),
            100.0 * self.test_last_epoch.accuracy,
            100.0 * self.test_last_epoch.unweighted_average_recall,
        )
    }
}
