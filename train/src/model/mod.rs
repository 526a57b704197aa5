//! The network: LSTM, dense layers with ReLU and dropout, dense layer with
//! softmax.

mod initial;
mod lstm;
#[cfg(test)]
mod tests;

pub use lstm::Lstm;

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::activation::{log_softmax, relu, softmax};
use burn::tensor::{Device, Tensor, TensorData};
use rand_chacha::ChaCha8Rng;
use ser_backend_burn::training;
use serde::{Deserialize, Serialize};

use crate::dataset::Dataset;
use crate::random::{Purpose, generator};
use crate::recipe::NetworkSpec;

/// Everything that is trained. It sees standardised features.
#[derive(Module, Debug)]
pub struct Network {
    lstm: Lstm,
    dense: Vec<Linear>,
    output: Linear,
}

impl Network {
    /// A network with fresh weights, drawn as Keras draws them: Glorot uniform
    /// kernels, an orthogonal recurrent kernel, biases of zero but for the forget
    /// gate's, which is one.
    #[must_use]
    pub fn new(spec: &NetworkSpec, labels: usize, seed: u64, device: &Device) -> Self {
        let generator = &mut generator(seed, Purpose::Weights, 0);
        let lstm = Lstm::new(1, spec.lstm_units, generator, device);
        let mut inputs = spec.lstm_units;
        let mut next = |units: usize| {
            let layer = dense(inputs, units, generator, device);
            inputs = units;
            layer
        };
        let dense = spec.dense.iter().map(|layer| next(layer.units)).collect();
        let output = next(labels);
        Self {
            lstm,
            dense,
            output,
        }
    }

    /// Logits `[rows, labels]` of standardised features `[rows, features]`.
    /// `masks` holds, for each hidden dense layer in training, what its outputs
    /// are multiplied by: 0 for a dropped one, `1 / (1 − dropout)` for the others.
    #[must_use]
    pub fn forward(&self, features: Tensor<2>, masks: Option<Vec<Tensor<2>>>) -> Tensor<2> {
        let mut values = self.lstm.forward(features.unsqueeze_dim(2));
        let mut masks = masks.into_iter().flatten();
        for layer in &self.dense {
            values = relu(layer.forward(values));
            if let Some(mask) = masks.next() {
                values = values * mask;
            }
        }
        self.output.forward(values)
    }

    /// The LSTM.
    #[must_use]
    pub fn lstm(&self) -> &Lstm {
        &self.lstm
    }

    /// The dense layers in order, the output last, as `(kernel, bias)`: `[inputs,
    /// units]` row-major and `[units]`.
    #[must_use]
    pub fn dense_weights(&self) -> Vec<(Vec<f32>, Vec<f32>)> {
        let layers = self.dense.iter().chain([&self.output]);
        let weights = layers.map(|layer| {
            let bias = layer.bias.as_ref().expect("every dense layer has a bias");
            (values(layer.weight.val()), values(bias.val()))
        });
        weights.collect()
    }
}

fn dense(inputs: usize, units: usize, generator: &mut ChaCha8Rng, device: &Device) -> Linear {
    let kernel = initial::glorot_uniform(inputs, units, generator);
    Linear {
        weight: Param::from_data(TensorData::new(kernel, [inputs, units]), device),
        bias: Some(Param::from_data(
            TensorData::new(vec![0.0_f32; units], [units]),
            device,
        )),
    }
}

/// The values of a float tensor, row-major.
pub(crate) fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor
        .into_data()
        .try_into_vec()
        .expect("the backend computes in f32")
}

/// The index of the largest value; the first of equal ones.
pub(crate) fn likeliest(row: &[f32]) -> usize {
    (1..row.len()).fold(
        0,
        |best, index| if row[index] > row[best] { index } else { best },
    )
}

/// How many rows of `logits` `[rows, outputs]` are largest at their label.
pub(crate) fn hits(logits: &[f32], labels: &[usize]) -> usize {
    let rows = logits.chunks_exact(logits.len() / labels.len());
    rows.zip(labels)
        .filter(|(row, label)| likeliest(row) == **label)
        .count()
}

/// `(feature − mean) / deviation`, with constants from the clips that are trained on.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Standardisation {
    /// The mean of each feature.
    pub mean: Vec<f32>,
    /// The standard deviation of each feature, or 1 for a constant one.
    pub deviation: Vec<f32>,
}

impl Standardisation {
    /// The constants of the clips at `indices`.
    #[must_use]
    pub fn fit(dataset: &Dataset, indices: &[usize]) -> Self {
        let count = indices.len() as f64;
        let column = |feature: usize| {
            indices
                .iter()
                .map(move |&index| f64::from(dataset.clips[index].features[feature]))
        };
        let (mut mean, mut deviation) = (Vec::new(), Vec::new());
        for feature in 0..dataset.features() {
            let centre = column(feature).sum::<f64>() / count;
            let variance = column(feature).map(|x| (x - centre).powi(2)).sum::<f64>() / count;
            mean.push(centre as f32);
            deviation.push(if variance > 0.0 {
                variance.sqrt() as f32
            } else {
                1.0
            });
        }
        Self { mean, deviation }
    }

    /// Appends the standardised `features` to `row`.
    pub(crate) fn apply(&self, features: &[f32], row: &mut Vec<f32>) {
        let constants = self.mean.iter().zip(&self.deviation);
        row.extend(
            features
                .iter()
                .zip(constants)
                .map(|(x, (mean, by))| (x - mean) / by),
        );
    }
}

/// A network with its standardisation: raw features in, posteriors out.
#[derive(Clone, Debug)]
pub struct Classifier {
    /// The constants before the network.
    pub standardisation: Standardisation,
    /// The network, without autodiff.
    pub network: Network,
}

/// Rows of one forward pass outside training.
const ROWS: usize = 256;

impl Classifier {
    /// Logits of each row of raw features.
    #[must_use]
    pub fn logits(&self, rows: &[&[f32]]) -> Vec<Vec<f32>> {
        self.rows(rows, |logits| logits)
    }

    /// Posteriors of each row of raw features.
    #[must_use]
    pub fn posteriors(&self, rows: &[&[f32]]) -> Vec<Vec<f32>> {
        self.rows(rows, |logits| softmax(logits, 1))
    }

    fn rows(&self, rows: &[&[f32]], last: impl Fn(Tensor<2>) -> Tensor<2>) -> Vec<Vec<f32>> {
        let device = training::device();
        let mut all = Vec::with_capacity(rows.len());
        for rows in rows.chunks(ROWS) {
            let mut features = Vec::new();
            for row in rows {
                self.standardisation.apply(row, &mut features);
            }
            let shape = [rows.len(), self.standardisation.mean.len()];
            let input = Tensor::from_data(TensorData::new(features, shape), &device);
            let output = last(self.network.forward(input, None));
            let [_, labels] = output.dims();
            all.extend(values(output).chunks_exact(labels).map(<[f32]>::to_vec));
        }
        all
    }
}

/// The categorical cross-entropy of logits and one-hot targets, both `[rows,
/// labels]`: the mean over rows, a scalar.
pub(crate) fn cross_entropy(logits: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
    let [rows, _] = targets.dims();
    (log_softmax(logits, 1) * targets)
        .sum()
        .div_scalar(-(rows as f64))
}
