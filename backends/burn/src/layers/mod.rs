//! Layers with weights: on packed weights where there are kernels, on Burn's tensors
//! elsewhere.

mod dense;
mod lstm;
mod tensor_lstm;

pub(crate) use dense::{DenseLayer, apply};
pub(crate) use lstm::{LstmCall, LstmLayer, LstmStates};
