//! Native backend: runs LSTM classifiers on Burn, on its CPU backend `flex` with
//! kernels of our own.
//!
//! A graph is compiled once into a program of tensor operations whose weights all
//! instances share. Layers are custom operations of Burn over packed weights
//! ([`ser_kernels`]): an LSTM with all its steps, a dense layer with its activation, a
//! softmax. What is left is Burn's. Each instance runs on the thread that calls it.
//! On devices without a kernel (feature `cuda`) the layers are Burn's operations too.
//!
//! # Batch invariance
//!
//! On the CPU a row's bits don't depend on how many rows go with it, nor on its place
//! among them: the kernels add up in one order for any number of rows, and what is
//! left to Burn takes each number alone or moves it. On a GPU there is no such promise.

mod backend;
mod fused;
mod layers;
mod model;
mod numerics;
mod placement;
mod program;
#[cfg(test)]
mod tests;
#[cfg(feature = "autodiff")]
pub mod training;

pub use backend::BurnBackend;
