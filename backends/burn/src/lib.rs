//! Native backend: runs LSTM classifiers on Burn's CPU backend, `flex`.
//!
//! A graph is compiled once into a program of tensor operations whose weights
//! all instances share. Each instance runs on the thread that calls it: a server
//! is built without Burn's thread pool. Where another crate of the same build turns
//! Burn's feature `rayon` on, as training does, only products of more than 192³
//! multiplications use the pool, and the bits stay the same.
//!
//! # Batch invariance
//!
//! A row's bits don't depend on how many rows go with it, nor on its place among
//! them. Element-wise operations and the softmax see each row alone. For matrix
//! products, the order in which `flex` adds up depends on the sizes in two ways,
//! and both are kept constant: a single row takes another path than several, so
//! there are always at least two; and more than 512 addends are cut into parts
//! as the row count suggests, so they are cut here.

mod backend;
mod lstm;
mod model;
mod numerics;
mod product;
mod program;
#[cfg(test)]
mod tests;

pub use backend::BurnBackend;
