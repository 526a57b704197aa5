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
//! On the CPU, ONNX Runtime packs constant weights at load and multiplies them in
//! one order for every number of rows. Weights that are inputs of the graph too, as
//! old exporters write them, it doesn't pack, and takes another path for one row than
//! for several; such a graph never runs with one row. Loading then compares rows
//! alone and in company, and the promise is made only where no bit differs.
//!
//! # Instances
//!
//! Every instance has a session, since the binding lets no two threads run one.
//! Large weights and their packed form are shared (`weights`).

mod backend;
mod c_api;
mod external;
mod gpu;
mod library;
mod model;
mod numerics;
mod protobuf;
mod provider;
mod session;
mod settings;
mod signature;
mod weights;

pub use backend::OnnxBackend;
