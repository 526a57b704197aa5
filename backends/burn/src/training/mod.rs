//! An LSTM to train: the kernels' forward pass with a backward pass written by hand,
//! as one custom operation of Burn's CPU backend.
//!
//! Burn's autodiff sees a single node instead of a dozen for each step. The forward
//! pass keeps the opened gates and the states of all steps; the backward pass walks
//! through them from the last to the first (Hochreiter and Schmidhuber, 1997, with the
//! full gradient of Graves and Schmidhuber, 2005).

mod operation;
#[cfg(test)]
mod tests;

use burn::backend::Dispatch;
use burn::tensor::{Device, Tensor};
use operation::LstmLast as _;

/// The weights of an LSTM layer as ONNX orders them: the gates input, output, forget,
/// cell one after another along the first axis.
#[derive(Clone, Debug)]
pub struct LstmParameters {
    /// `[4·hidden, width]`.
    pub w: Tensor<2>,
    /// `[4·hidden, hidden]`.
    pub r: Tensor<2>,
    /// `[4·hidden]`.
    pub b: Tensor<1>,
}

/// The device that has the kernels, with autodiff or without.
#[must_use]
pub fn device() -> Device {
    Device::flex()
}

/// The last hidden state, `[rows, hidden]`, of `input`, `[steps, rows, width]`, from
/// states of zeros. Differentiable by `input` and by every parameter.
///
/// # Panics
///
/// When a tensor isn't on [`device`], or a shape isn't as said.
#[must_use]
pub fn lstm_last(input: Tensor<3>, parameters: LstmParameters) -> Tensor<2> {
    let LstmParameters { w, r, b } = parameters;
    Tensor::from_dispatch(Dispatch::lstm_last(
        input.into_dispatch(),
        w.into_dispatch(),
        r.into_dispatch(),
        b.into_dispatch(),
    ))
}
