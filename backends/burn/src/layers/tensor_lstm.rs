//! The recurrent layer on Burn's tensors, for devices without a kernel.

use burn::tensor::{Bool, Device, Tensor, TensorData, activation};
use ser_graph::LstmWeights;

use super::{LstmCall, LstmStates};

/// The gates lie side by side in the order input, output, forget, cell, so that one
/// product a step serves all four, and one sigmoid the first three.
#[derive(Debug)]
pub(crate) struct TensorLstm {
    hidden: usize,
    /// `[width, 4·hidden]`.
    input: Tensor<2>,
    /// `[hidden, 4·hidden]`.
    recurrent: Tensor<2>,
    /// `[1, 4·hidden]`.
    bias: Tensor<2>,
}

impl TensorLstm {
    pub(crate) fn new(weights: &LstmWeights, device: &Device) -> Self {
        let (width, hidden) = (weights.width(), weights.hidden());
        let matrix = |values: &[f32], shape: [usize; 2]| {
            Tensor::<2>::from_data(TensorData::new(values.to_vec(), shape), device)
        };
        Self {
            hidden,
            input: matrix(weights.w(), [4 * hidden, width]).transpose(),
            recurrent: matrix(weights.r(), [4 * hidden, hidden]).transpose(),
            bias: matrix(weights.b(), [1, 4 * hidden]),
        }
    }

    pub(crate) fn run(&self, call: LstmCall<'_>) -> LstmStates {
        let [steps, rows, width] = call.features.dims();
        let device = call.features.device();
        let state = |initial: Option<Tensor<3>>| match initial {
            Some(initial) => initial.reshape([rows, self.hidden]),
            None => Tensor::zeros([rows, self.hidden], &device),
        };
        let (mut h, mut c) = (state(call.h), state(call.c));
        // What the input adds to the gates needs no earlier step: one product.
        let features = call.features.reshape([steps * rows, width]);
        let projected = features.matmul(self.input.clone()) + self.bias.clone();
        let mut all = Vec::new();
        for step in 0..steps {
            let gates = projected.clone().narrow(0, step * rows, rows)
                + h.clone().matmul(self.recurrent.clone());
            let (next_h, next_c) = self.step(gates, c.clone());
            match call.valid_steps {
                None => (h, c) = (next_h, next_c),
                Some(valid) => {
                    let over = self.over(valid, step, &device);
                    h = next_h.mask_where(over.clone(), h);
                    c = next_c.mask_where(over, c);
                }
            }
            if call.keep_all {
                let over = call
                    .valid_steps
                    .map(|valid| self.over(valid, step, &device));
                all.push(match over {
                    None => h.clone(),
                    Some(over) => h.clone().mask_fill(over, 0.0),
                });
            }
        }
        LstmStates {
            all: call
                .keep_all
                .then(|| Tensor::cat(all, 0).reshape([steps, rows, self.hidden])),
            h: h.reshape([1, rows, self.hidden]),
            c: c.reshape([1, rows, self.hidden]),
        }
    }

    /// The next hidden and cell state.
    fn step(&self, gates: Tensor<2>, c: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
        let hidden = self.hidden;
        let opened = activation::sigmoid(gates.clone().narrow(1, 0, 3 * hidden));
        let input = opened.clone().narrow(1, 0, hidden);
        let output = opened.clone().narrow(1, hidden, hidden);
        let forget = opened.narrow(1, 2 * hidden, hidden);
        let candidate = gates.narrow(1, 3 * hidden, hidden).tanh();
        let c = forget * c + input * candidate;
        (output * c.clone().tanh(), c)
    }

    /// `[rows, hidden]`: whether a row's valid steps are over.
    fn over(&self, valid_steps: &[usize], step: usize, device: &Device) -> Tensor<2, Bool> {
        let over: Vec<bool> = valid_steps.iter().map(|valid| step >= *valid).collect();
        let rows = over.len();
        Tensor::<2, Bool>::from_data(TensorData::new(over, [rows, 1]), device)
            .expand([rows, self.hidden])
    }
}
