//! The rows of a training: standardised, shuffled, mixed, with noise and dropout
//! masks.

use burn::tensor::{Device, Tensor, TensorData};
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use ser_backend_burn::training;

use super::FitJob;
use crate::model::{Network, Standardisation, cross_entropy, hits, values};
use crate::random::{Purpose, generator, normal};
use crate::recipe::{DenseSpec, TrainingSpec};

/// The clips of one part of a split.
pub(super) struct Part {
    rows: Vec<Vec<f32>>,
    labels: Vec<usize>,
    outputs: usize,
}

/// Rows of one step.
pub(super) struct Batch {
    /// `[rows, features]`, standardised.
    pub(super) features: Tensor<2>,
    /// `[rows, labels]`: one-hot labels, mixed as the features are.
    pub(super) targets: Tensor<2>,
    /// For [`Network::forward`].
    pub(super) masks: Vec<Tensor<2>>,
    /// The labels with the larger share, as indices.
    pub(super) labels: Vec<usize>,
}

impl Part {
    pub(super) fn new(
        job: &FitJob<'_>,
        indices: &[usize],
        standardisation: &Standardisation,
    ) -> Self {
        let clips = indices.iter().map(|&index| &job.dataset.clips[index]);
        let row = |features: &[f32]| {
            let mut row = Vec::with_capacity(features.len());
            standardisation.apply(features, &mut row);
            row
        };
        Self {
            rows: clips.clone().map(|clip| row(&clip.features)).collect(),
            labels: clips.map(|clip| label(job, clip.emotion)).collect(),
            outputs: job.labels.len(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The batches of an epoch. They depend on the seed and the epoch alone.
    pub(super) fn shuffled(
        &self,
        job: &FitJob<'_>,
        epoch: usize,
        device: &Device,
    ) -> impl ExactSizeIterator<Item = Batch> {
        let round = u32::try_from(epoch).expect("a recipe has fewer than 2³² epochs");
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.shuffle(&mut generator(job.seed, Purpose::Order, round));
        let mut generator = generator(job.seed, Purpose::Batches, round);
        let size = job.recipe.training.batch_size;
        let batches: Vec<Vec<usize>> = order.chunks(size).map(<[usize]>::to_vec).collect();
        batches
            .into_iter()
            .map(move |rows| self.batch(&rows, job, &mut generator, device))
    }

    fn batch(
        &self,
        rows: &[usize],
        job: &FitJob<'_>,
        generator: &mut ChaCha8Rng,
        device: &Device,
    ) -> Batch {
        let TrainingSpec {
            feature_noise,
            mixup,
            ..
        } = job.recipe.training;
        let labels: Vec<usize> = rows.iter().map(|&row| self.labels[row]).collect();
        let mut partners: Vec<usize> = rows.to_vec();
        partners.shuffle(generator);
        let mut features = Vec::new();
        let mut targets = vec![0.0; rows.len() * self.outputs];
        for (at, (&row, &partner)) in rows.iter().zip(&partners).enumerate() {
            let own = own_share(mixup, generator);
            let pairs = self.rows[row].iter().zip(&self.rows[partner]);
            let mixed = pairs.map(|(value, other)| own * value + (1.0 - own) * other);
            features.extend(mixed.map(|value| value + feature_noise * normal(generator)));
            targets[at * self.outputs + self.labels[row]] += own;
            targets[at * self.outputs + self.labels[partner]] += 1.0 - own;
        }
        let width = features.len() / rows.len();
        let dense = &job.recipe.network.dense;
        Batch {
            features: matrix(features, [rows.len(), width], device),
            targets: matrix(targets, [rows.len(), self.outputs], device),
            masks: dense
                .iter()
                .map(|layer| mask(rows.len(), layer, generator, device))
                .collect(),
            labels,
        }
    }

    /// Cross-entropy and accuracy of a network without autodiff.
    pub(super) fn score(&self, network: &Network) -> (f64, f64) {
        let device = training::device();
        let features = self.rows.concat();
        let width = features.len() / self.len();
        let logits = network.forward(matrix(features, [self.len(), width], &device), None);
        let targets = one_hot(&self.labels, self.outputs, &device);
        let right = hits(&values(logits.clone()), &self.labels);
        let loss = f64::from(values(cross_entropy(logits, targets))[0]);
        (loss, right as f64 / self.len() as f64)
    }
}

fn label(job: &FitJob<'_>, emotion: crate::corpus::Emotion) -> usize {
    job.labels
        .iter()
        .position(|&label| label == emotion)
        .expect("labels are the emotions of the split")
}

/// The share of a row in its mixture with another: the larger part of a number of
/// the distribution Beta(α, α), drawn by Jöhnk's method; 1 with α = 0. That the
/// smaller part would do as well is no loss: the other row is any row.
fn own_share(alpha: f64, generator: &mut ChaCha8Rng) -> f32 {
    if alpha == 0.0 {
        return 1.0;
    }
    loop {
        let mut draw = || generator.random::<f64>().powf(1.0 / alpha);
        let (one, other) = (draw(), draw());
        if one + other > 0.0 && one + other <= 1.0 {
            return (one.max(other) / (one + other)) as f32;
        }
    }
}

fn one_hot(labels: &[usize], outputs: usize, device: &Device) -> Tensor<2> {
    let mut targets = vec![0.0; labels.len() * outputs];
    for (row, label) in labels.iter().enumerate() {
        targets[row * outputs + label] = 1.0;
    }
    matrix(targets, [labels.len(), outputs], device)
}

/// 0 for a dropped output, `1 / (1 − dropout)` for the others (inverted dropout).
fn mask(rows: usize, layer: &DenseSpec, generator: &mut ChaCha8Rng, device: &Device) -> Tensor<2> {
    let kept = (1.0 / (1.0 - layer.dropout)) as f32;
    let draw = || {
        if generator.random::<f64>() < layer.dropout {
            0.0
        } else {
            kept
        }
    };
    let values = std::iter::repeat_with(draw)
        .take(rows * layer.units)
        .collect();
    matrix(values, [rows, layer.units], device)
}

fn matrix(values: Vec<f32>, shape: [usize; 2], device: &Device) -> Tensor<2> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The larger of B and 1 − B for B of Beta(α, α) has the variance of B about
    /// one half: 1 / (4 · (2α + 1)).
    #[test]
    fn shares_are_those_of_the_beta_distribution() {
        let mut generator = generator(0, Purpose::Batches, 0);
        for alpha in [0.3, 1.0] {
            let shares: Vec<_> = (0..20_000)
                .map(|_| own_share(alpha, &mut generator))
                .collect();
            assert!(shares.iter().all(|share| (0.5..=1.0).contains(share)));
            let squares = shares.iter().map(|share| (f64::from(*share) - 0.5).powi(2));
            let variance = squares.sum::<f64>() / shares.len() as f64;
            let expected = 1.0 / (4.0 * (2.0 * alpha + 1.0));
            assert!(
                (variance / expected - 1.0).abs() < 0.03,
                "{alpha}: {variance}"
            );
        }
        assert_eq!(own_share(0.0, &mut generator), 1.0);
    }
}
