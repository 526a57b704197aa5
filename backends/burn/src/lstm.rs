//! The recurrent layer.

use burn::tensor::{Bool, Device, Tensor, TensorData, activation};
use ser_graph::LstmWeights;

use crate::product::Weight;

/// An LSTM layer, forward in time. The gates lie side by side in the order input,
/// output, forget, cell, so that one product a step serves all four, and one
/// sigmoid the first three.
#[derive(Debug)]
pub(crate) struct LstmLayer {
    hidden: usize,
    /// `[width, 4·hidden]`.
    input: Weight,
    /// `[hidden, 4·hidden]`.
    recurrent: Weight,
    /// `[1, 4·hidden]`.
    bias: Tensor<2>,
}

/// What a layer starts from; absent states are zeros.
pub(crate) struct LstmInputs<'a> {
    /// `[steps, rows, width]`.
    pub(crate) features: Tensor<3>,
    /// Steps of each row that count; all of them without it.
    pub(crate) valid_steps: Option<&'a [usize]>,
    /// `[1, rows, hidden]`.
    pub(crate) h: Option<Tensor<3>>,
    /// `[1, rows, hidden]`.
    pub(crate) c: Option<Tensor<3>>,
}

/// What a layer gives.
pub(crate) struct LstmOutputs {
    /// `[steps, rows, hidden]`, if asked for.
    pub(crate) all: Option<Tensor<3>>,
    /// `[1, rows, hidden]`.
    pub(crate) h: Tensor<3>,
    /// `[1, rows, hidden]`.
    pub(crate) c: Tensor<3>,
}

impl LstmLayer {
    pub(crate) fn new(weights: &LstmWeights, device: &Device) -> Self {
        let (width, hidden) = (weights.width(), weights.hidden());
        let bias = TensorData::new(weights.b().to_vec(), [1, 4 * hidden]);
        Self {
            hidden,
            input: Weight::transposed(width, 4 * hidden, weights.w(), device),
            recurrent: Weight::transposed(hidden, 4 * hidden, weights.r(), device),
            bias: Tensor::from_data(bias, device),
        }
    }

    pub(crate) fn run(&self, inputs: LstmInputs<'_>, keep_all: bool) -> LstmOutputs {
        let [steps, rows, width] = inputs.features.dims();
        let device = inputs.features.device();
        let state = |initial: Option<Tensor<3>>| match initial {
            Some(initial) => initial.reshape([rows, self.hidden]),
            None => Tensor::zeros([rows, self.hidden], &device),
        };
        let (mut h, mut c) = (state(inputs.h), state(inputs.c));
        // What the input adds to the gates needs no earlier step: one product.
        let projected = self
            .input
            .product(inputs.features.reshape([steps * rows, width]));
        let projected = projected + self.bias.clone();
        let mut all = Vec::new();
        for step in 0..steps {
            let gates =
                projected.clone().narrow(0, step * rows, rows) + self.recurrent.product(h.clone());
            let (next_h, next_c) = self.step(gates, c.clone());
            match inputs.valid_steps {
                None => (h, c) = (next_h, next_c),
                Some(valid) => {
                    let over = self.over(valid, step, &device);
                    h = next_h.mask_where(over.clone(), h);
                    c = next_c.mask_where(over, c);
                }
            }
            if keep_all {
                let over = inputs
                    .valid_steps
                    .map(|valid| self.over(valid, step, &device));
                all.push(match over {
                    None => h.clone(),
                    Some(over) => h.clone().mask_fill(over, 0.0),
                });
            }
        }
        LstmOutputs {
            all: keep_all.then(|| Tensor::cat(all, 0).reshape([steps, rows, self.hidden])),
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
