//! LSTM classifiers on the CPU at the speed of the CPU: an LSTM layer forward and
//! backward, dense layers and activations, in vector code chosen at run time.
//!
//! Weights are packed once ([`PackedLstm`], [`PackedDense`]) and shared; a
//! [`Scratch`] belongs to a thread and is reused, so that a run allocates nothing
//! once the scratch has its size. Every sum has one order of accumulation, whatever the
//! number of rows: the bits of a row don't depend on the rows beside it.

mod aligned;
mod dense;
mod error;
mod instruction_set;
mod lstm;
mod math;
mod peak;
mod product;
mod scratch;
mod simd;
mod slices;
#[cfg(test)]
mod tests;
mod tile;

pub use dense::{Activation, PackedDense};
pub use error::KernelError;
pub use instruction_set::InstructionSet;
pub use lstm::{
    LstmGradients, LstmInputs, LstmOutputs, LstmUpstream, LstmWeights, PackedLstm, SavedSteps,
    TrainingLstm,
};
pub use peak::{MultiplyAddPeak, multiply_add_peak};
pub use scratch::Scratch;
pub use slices::{exp, sigmoid, softmax, tanh};
