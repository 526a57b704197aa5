//! A backend in a shared library: ONNX graphs on [tract], which is written in
//! Rust throughout.
//!
//! The server loads it through the C ABI of `ser_backend_plugin.h`, as it would
//! load one from anybody else: nothing here knows the server's crates but the one
//! that holds the header's types.
//!
//! tract compiles a graph for fixed shapes, so there is a plan for every number of
//! rows. It knows `sequence_lens` of an LSTM only where they say nothing, so graphs
//! are rewritten where they do: see `sequence_lens.rs`.
//!
//! [tract]: https://github.com/sonos/tract

mod border;
mod error;
mod graph;
mod program;
mod sequence_lens;

pub use border::ser_plugin_handshake;
