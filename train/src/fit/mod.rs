//! Fitting a network to the training part of a split.
//!
//! The loop is our own and not burn-train's `Learner`, because of three promises:
//! the same seed gives the same weights; a resumed run gives the weights of an
//! uninterrupted one; and exactly one state, chosen on the validation part, comes
//! out. Burn's optimiser, and on a terminal burn-train's dashboard, are used.

mod batches;
mod checkpoint;
mod observer;
#[cfg(test)]
mod tests;

pub use checkpoint::Checkpoint;
pub use observer::{Dashboard, Observer, PlainLines, Silent};

use std::path::Path;

use burn::grad_clipping::GradientClippingConfig;
use burn::module::Module;
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::Device;
use ser_backend_burn::training;
use serde::{Deserialize, Serialize};

use crate::TrainError;
use crate::corpus::Emotion;
use crate::dataset::Dataset;
use crate::model::{Classifier, Network, Standardisation, cross_entropy, hits, values};
use crate::recipe::{Recipe, TrainingSpec};
use batches::Part;

/// What a training needs. The test side isn't among it.
#[derive(Clone, Copy, Debug)]
pub struct FitJob<'a> {
    /// Network and training.
    pub recipe: &'a Recipe,
    /// The clips.
    pub dataset: &'a Dataset,
    /// Indices of the clips that the weights are fitted to.
    pub train: &'a [usize],
    /// Indices of the clips that the state is chosen on.
    pub validation: &'a [usize],
    /// What the network tells apart, in the order of its outputs.
    pub labels: &'a [Emotion],
    /// Decides weights, order, noise and dropout.
    pub seed: u64,
}

/// One epoch in figures.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
pub struct EpochRecord {
    /// Counted from 1.
    pub epoch: usize,
    /// Mean cross-entropy of the training part, mixed, with noise and dropout.
    pub train_loss: f32,
    /// Accuracy on the training part, mixed, with noise and dropout.
    pub train_accuracy: f32,
    /// Cross-entropy of the validation part at the epoch's end.
    pub validation_loss: f32,
    /// Accuracy on the validation part at the epoch's end.
    pub validation_accuracy: f32,
}

impl EpochRecord {
    /// Whether this state is to be chosen over an earlier one: at least as many
    /// validation clips are right. A tie goes to the later epoch, whose learning
    /// rate is lower.
    #[must_use]
    pub fn replaces(&self, earlier: &Self) -> bool {
        self.validation_accuracy >= earlier.validation_accuracy
    }
}

/// What came of a training.
#[derive(Clone, Debug)]
pub struct Fitted {
    /// The state that the validation part chose.
    pub chosen: Classifier,
    /// The epoch whose end that is, counted from 1.
    pub chosen_epoch: usize,
    /// The state at the end.
    pub last: Classifier,
    /// Every epoch.
    pub history: Vec<EpochRecord>,
}

/// The moving parts of a training at the end of an epoch.
#[derive(Clone)]
struct State {
    network: Network,
    optimiser: ModuleOptimizer,
    chosen: Network,
    chosen_epoch: usize,
    history: Vec<EpochRecord>,
}

/// Trains to the recipe's last epoch.
///
/// With a `folder`, every epoch's end is kept there and a run that was killed goes
/// on from the last one, to the same weights bit for bit.
///
/// # Errors
///
/// When the folder holds the checkpoint of another job, can't be written, or the
/// observer asks to stop.
pub fn fit(
    job: &FitJob<'_>,
    folder: Option<&Path>,
    observer: &mut dyn Observer,
) -> Result<Fitted, TrainError> {
    let device = training::device().autodiff();
    let standardisation = Standardisation::fit(job.dataset, job.train);
    let train = Part::new(job, job.train, &standardisation);
    let validation = Part::new(job, job.validation, &standardisation);
    let checkpoint = folder
        .map(|folder| Checkpoint::of_job(folder, job))
        .transpose()?;

    let mut state = State::new(job, &device);
    if let Some(checkpoint) = &checkpoint {
        state = checkpoint.load(state)?;
    }
    let TrainingSpec { epochs, .. } = job.recipe.training;
    observer.start(epochs, state.history.len());
    for epoch in state.history.len()..epochs {
        let (train_loss, train_accuracy) = state.train_epoch(job, &train, epoch, observer);
        let (validation_loss, validation_accuracy) = validation.score(&state.network.valid());
        let record = EpochRecord {
            epoch: epoch + 1,
            train_loss: train_loss as f32,
            train_accuracy: train_accuracy as f32,
            validation_loss: validation_loss as f32,
            validation_accuracy: validation_accuracy as f32,
        };
        state.record(record);
        if let Some(checkpoint) = &checkpoint {
            checkpoint.save(&state)?;
        }
        observer.epoch(&record, state.chosen_epoch);
        if observer.wants_to_stop() && epoch + 1 < epochs {
            return Err(TrainError::Stopped { epoch: epoch + 1 });
        }
    }
    observer.end();
    let classifier = |network: &Network| Classifier {
        standardisation: standardisation.clone(),
        network: network.valid(),
    };
    Ok(Fitted {
        chosen: classifier(&state.chosen),
        chosen_epoch: state.chosen_epoch,
        last: classifier(&state.network),
        history: state.history,
    })
}

impl State {
    fn new(job: &FitJob<'_>, device: &Device) -> Self {
        let network = Network::new(&job.recipe.network, job.labels.len(), job.seed, device);
        let clip = GradientClippingConfig::Norm(job.recipe.training.clip_norm);
        // Keras's epsilon.
        let adam = AdamConfig::new()
            .with_epsilon(1e-7)
            .with_grad_clipping(Some(clip));
        Self {
            chosen: network.clone(),
            network,
            optimiser: adam.init(),
            chosen_epoch: 0,
            history: Vec::new(),
        }
    }

    /// One pass over the training part: its mean loss and accuracy.
    fn train_epoch(
        &mut self,
        job: &FitJob<'_>,
        train: &Part,
        epoch: usize,
        observer: &mut dyn Observer,
    ) -> (f64, f64) {
        let spec = &job.recipe.training;
        let device = training::device().autodiff();
        let (mut loss_sum, mut right, mut seen) = (0.0, 0, 0);
        let mut batches = train.shuffled(job, epoch, &device);
        let steps = batches.len();
        for step in 0..steps {
            let batch = batches.next().expect("as many batches as counted");
            let rows = batch.labels.len();
            let logits = self.network.forward(batch.features, Some(batch.masks));
            let loss = cross_entropy(logits.clone(), batch.targets);
            let gradients = GradientsParams::from_grads(loss.backward(), &self.network);
            let rate = learning_rate(spec, epoch * steps + step, spec.epochs * steps);
            self.network = self.optimiser.step(rate, self.network.clone(), gradients);

            let loss = f64::from(values(loss)[0]);
            right += hits(&values(logits.inner()), &batch.labels);
            loss_sum += loss * rows as f64;
            seen += rows;
            observer.step(seen, train.len(), loss);
        }
        (loss_sum / seen as f64, right as f64 / seen as f64)
    }

    fn record(&mut self, record: EpochRecord) {
        let best = self
            .chosen_epoch
            .checked_sub(1)
            .map(|index| self.history[index]);
        if best.is_none_or(|best| record.replaces(&best)) {
            self.chosen = self.network.clone();
            self.chosen_epoch = record.epoch;
        }
        self.history.push(record);
    }
}

/// Half a cosine from the first rate to the last.
fn learning_rate(spec: &TrainingSpec, step: usize, steps: usize) -> f64 {
    let done = step as f64 / (steps - 1).max(1) as f64;
    let share = 0.5 * (1.0 + (std::f64::consts::PI * done).cos());
    spec.final_learning_rate + share * (spec.learning_rate - spec.final_learning_rate)
}
