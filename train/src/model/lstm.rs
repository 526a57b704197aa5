//! An LSTM layer on the kernels of the native backend.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};
use rand_chacha::ChaCha8Rng;
use ser_backend_burn::training::{LstmParameters, lstm_last};
use ser_graph::{Gate, GraphError, LstmWeights};

use super::{initial, values};

/// One direction, the last hidden state goes on. Weights as ONNX keeps them: the
/// gates input, output, forget, cell one after another.
#[derive(Module, Debug)]
pub struct Lstm {
    /// `[4·units, width]`.
    w: Param<Tensor<2>>,
    /// `[4·units, units]`.
    r: Param<Tensor<2>>,
    /// `[4·units]`.
    b: Param<Tensor<1>>,
}

/// The weights of a layer as Keras keeps them: the gates input, forget, cell, output
/// side by side in the last axis.
pub(super) struct KerasWeights {
    /// `[width, 4·units]`.
    pub(super) kernel: Vec<f32>,
    /// `[units, 4·units]`.
    pub(super) recurrent_kernel: Vec<f32>,
    /// `[4·units]`.
    pub(super) bias: Vec<f32>,
}

impl KerasWeights {
    /// Fresh ones.
    fn draw(width: usize, units: usize, generator: &mut ChaCha8Rng) -> Self {
        let kernel = initial::glorot_uniform(width, 4 * units, generator);
        let recurrent_kernel = initial::orthogonal(units, 4 * units, generator);
        let mut bias = vec![0.0; 4 * units];
        // Jozefowicz et al., 2015: an open forget gate lets gradients through.
        bias[units..2 * units].fill(1.0);
        Self {
            kernel,
            recurrent_kernel,
            bias,
        }
    }

    pub(super) fn into_onnx(self) -> Result<LstmWeights, GraphError> {
        let units = self.bias.len() / 4;
        let columns = |matrix: &[f32], gate: usize| -> Vec<f32> {
            let rows = matrix.chunks_exact(4 * units);
            rows.flat_map(|row| &row[gate * units..][..units])
                .copied()
                .collect()
        };
        let [input, forget, cell, output] = [0, 1, 2, 3].map(|gate| {
            [&self.kernel, &self.recurrent_kernel, &self.bias].map(|part| columns(part, gate))
        });
        fn gate([kernel, recurrent_kernel, bias]: &[Vec<f32>; 3]) -> Gate<'_> {
            Gate {
                kernel,
                recurrent_kernel,
                bias,
            }
        }
        LstmWeights::from_gates(
            self.kernel.len() / (4 * units),
            units,
            gate(&input),
            gate(&output),
            gate(&forget),
            gate(&cell),
        )
    }
}

impl Lstm {
    /// A layer with fresh weights.
    pub(super) fn new(
        width: usize,
        units: usize,
        generator: &mut ChaCha8Rng,
        device: &Device,
    ) -> Self {
        let drawn = KerasWeights::draw(width, units, generator).into_onnx();
        Self::from_weights(&drawn.expect("drawn numbers are finite"), device)
    }

    /// A layer with these weights.
    pub(super) fn from_weights(weights: &LstmWeights, device: &Device) -> Self {
        let gates = 4 * weights.hidden();
        let matrix = |values: &[f32], columns: usize| {
            Param::from_data(TensorData::new(values.to_vec(), [gates, columns]), device)
        };
        Self {
            w: matrix(weights.w(), weights.width()),
            r: matrix(weights.r(), weights.hidden()),
            b: Param::from_data(TensorData::new(weights.b().to_vec(), [gates]), device),
        }
    }

    /// The last hidden state `[rows, units]` for an input `[rows, steps, width]`.
    #[must_use]
    pub fn forward(&self, input: Tensor<3>) -> Tensor<2> {
        let parameters = LstmParameters {
            w: self.w.val(),
            r: self.r.val(),
            b: self.b.val(),
        };
        lstm_last(input.swap_dims(0, 1), parameters)
    }

    /// The weights as they are now.
    ///
    /// # Errors
    ///
    /// When one isn't finite: the training has diverged.
    pub fn weights(&self) -> Result<LstmWeights, GraphError> {
        let [_, width] = self.w.dims();
        let [_, units] = self.r.dims();
        LstmWeights::new(
            width,
            units,
            values(self.w.val()),
            values(self.r.val()),
            values(self.b.val()),
        )
    }
}
