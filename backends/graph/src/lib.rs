//! Reads and writes the ONNX graphs of the LSTM-classifier family.
//!
//! A [`Graph`] is a list of typed nodes in the order of execution. It is made by
//! [`Graph::read`] from the bytes of an ONNX model, or by a [`GraphBuilder`] from
//! weights; either way every node has passed shape inference. [`Graph::write`]
//! gives the bytes of an ONNX model back. A [`ForeignModel`] is what another
//! framework exported, on its way to become one.
//!
//! The family: LSTM (forward, last state or all states), Gemm, MatMul, Relu,
//! Tanh, Sigmoid, Softmax over the last axis, Add, Sub, Mul and Div by constants,
//! and nodes that only move values (Transpose, Reshape, Squeeze, Unsqueeze,
//! Flatten, Identity, Cast, Dropout, Concat, Split, Slice, Gather). Nodes whose
//! inputs are constants, or shapes in which the number of rows is a symbol, are
//! computed when the graph is read: Expand, ConstantOfShape and the arithmetic that
//! exporters write around an initial state of zeros among them. Every value has exactly one axis of
//! rows, and no node mixes rows: what a row gives depends on that row alone.

mod builder;
mod error;
mod foreign;
mod infer;
mod ir;
mod lstm;
mod read;
mod shape;
mod simplify;
mod write;

pub use builder::GraphBuilder;
pub use error::GraphError;
pub use foreign::ForeignModel;
pub use ir::{Activation, Arithmetic, Constant, Graph, Lstm, Node, Op, Value, ValueId};
pub use lstm::{Gate, LstmWeights};
pub use shape::{Dim, Element, Shape};

/// The generated code of `proto/onnx.proto`.
mod onnx {
    #![allow(missing_docs, unreachable_pub, clippy::all, reason = "generated code")]
    include!(concat!(env!("OUT_DIR"), "/onnx.rs"));
}
