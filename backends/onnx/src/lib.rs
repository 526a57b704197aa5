//! ONNX Runtime backend: runs any graph of the package format on the CPU, on CUDA
//! or on TensorRT.
//!
//! The library is loaded while the server runs, so that a build needs none and an
//! operator chooses one: `library` says where it is looked for. One process has one
//! ONNX Runtime, which stays loaded until exit.
//!
//! # What is asked for is what runs
//!
//! ONNX Runtime moves nodes to its CPU provider wherever another one can't take
//! them. Here a provider that isn't to be had is an error unless its name allows
//! another (`provider`), and after loading each node is looked up (`c_api`).
//!
//! # Batch invariance
//!
//! On the CPU a row's bits don't depend on its company, as far as the graph's
//! products have constant weights, which ONNX Runtime packs at load and multiplies in
//! one order for every number of rows. Loading checks it on the golden rows in every
//! bucket, and the promise is made only where no bit differs.

mod backend;
mod c_api;
mod gpu;
mod library;
mod model;
mod numerics;
mod provider;
mod session;
mod settings;
mod signature;
#[cfg(test)]
mod tests;

pub use backend::OnnxBackend;
