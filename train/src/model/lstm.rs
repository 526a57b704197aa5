//! An LSTM layer with one bias vector.
//!
//! Burn's own layer multiplies eight small matrices a step and keeps two biases a
//! gate. Here a step has two products, each for all four gates. The product with
//! the input is not taken out of the loop, for all steps at once: the gradient of
//! each step's slice of the result would be a tensor as large as the whole.

use burn::module::{Module, Param};
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor, TensorData};
use rand_chacha::ChaCha8Rng;

use super::{initial, values};

/// One direction, the last hidden state goes on. Weights as Keras keeps them: the
/// gates input, forget, cell, output stand side by side in the last axis.
#[derive(Module, Debug)]
pub struct Lstm {
    kernel: Param<Tensor<2>>,
    recurrent_kernel: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
}

/// Weights of one gate, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct GateWeights {
    /// `[width, units]`.
    pub kernel: Vec<f32>,
    /// `[units, units]`.
    pub recurrent_kernel: Vec<f32>,
    /// `[units]`.
    pub bias: Vec<f32>,
}

impl Lstm {
    /// A layer with fresh weights.
    pub(super) fn new(
        width: usize,
        units: usize,
        generator: &mut ChaCha8Rng,
        device: &Device,
    ) -> Self {
        let kernel = initial::glorot_uniform(width, 4 * units, generator);
        let recurrent_kernel = initial::orthogonal(units, 4 * units, generator);
        let mut bias = vec![0.0; 4 * units];
        // Jozefowicz et al., 2015: an open forget gate lets gradients through.
        bias[units..2 * units].fill(1.0);
        Self::from_weights(width, units, kernel, recurrent_kernel, bias, device)
    }

    /// A layer with these weights: `kernel` `[width, 4·units]`,
    /// `recurrent_kernel` `[units, 4·units]` and `bias` `[4·units]`.
    pub(super) fn from_weights(
        width: usize,
        units: usize,
        kernel: Vec<f32>,
        recurrent_kernel: Vec<f32>,
        bias: Vec<f32>,
        device: &Device,
    ) -> Self {
        let matrix =
            |values, rows| Param::from_data(TensorData::new(values, [rows, 4 * units]), device);
        Self {
            kernel: matrix(kernel, width),
            recurrent_kernel: matrix(recurrent_kernel, units),
            bias: Param::from_data(TensorData::new(bias, [4 * units]), device),
        }
    }

    /// The last hidden state `[rows, units]` for an input `[rows, steps, width]`.
    #[must_use]
    pub fn forward(&self, input: Tensor<3>) -> Tensor<2> {
        let [_, steps, _] = input.dims();
        let (kernel, bias) = (self.kernel.val(), self.bias.val().unsqueeze());
        let recurrent_kernel = self.recurrent_kernel.val();
        let units = self.units();
        let mut state: Option<(Tensor<2>, Tensor<2>)> = None;
        for step in 0..steps {
            let input = input.clone().narrow(1, step, 1).squeeze_dim(1);
            let mut gates = input.matmul(kernel.clone()) + bias.clone();
            if let Some((hidden, _)) = &state {
                gates = gates + hidden.clone().matmul(recurrent_kernel.clone());
            }
            let gate = |at: usize, count: usize| gates.clone().narrow(1, at * units, count * units);
            let input_and_forget = sigmoid(gate(0, 2));
            let candidate = gate(2, 1).tanh() * input_and_forget.clone().narrow(1, 0, units);
            let cell = match state {
                None => candidate,
                Some((_, cell)) => input_and_forget.narrow(1, units, units) * cell + candidate,
            };
            state = Some((sigmoid(gate(3, 1)) * cell.clone().tanh(), cell));
        }
        state.expect("a row has at least one step").0
    }

    /// Width of the input.
    #[must_use]
    pub fn width(&self) -> usize {
        self.kernel.val().dims()[0]
    }

    /// Units of the hidden state.
    #[must_use]
    pub fn units(&self) -> usize {
        self.recurrent_kernel.val().dims()[0]
    }

    /// The gates input, forget, cell, output, each for itself.
    #[must_use]
    pub fn gates(&self) -> [GateWeights; 4] {
        let units = self.units();
        let columns = |matrix: &[f32], gate: usize| {
            let rows = matrix.chunks_exact(4 * units);
            rows.flat_map(|row| &row[gate * units..][..units])
                .copied()
                .collect::<Vec<_>>()
        };
        let kernel = values(self.kernel.val());
        let recurrent_kernel = values(self.recurrent_kernel.val());
        let bias = values(self.bias.val());
        [0, 1, 2, 3].map(|gate| GateWeights {
            kernel: columns(&kernel, gate),
            recurrent_kernel: columns(&recurrent_kernel, gate),
            bias: columns(&bias, gate),
        })
    }
}
