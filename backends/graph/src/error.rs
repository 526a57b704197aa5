//! Why a graph can't be read or built.

/// Why a graph can't be read or built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// The bytes are no ONNX model.
    #[error("not an ONNX model: {0}")]
    Decode(String),
    /// Something of the model other than a node.
    #[error("{what}: {reason}")]
    Model {
        /// For instance `input "features"`.
        what: String,
        /// What it holds and what was expected.
        reason: String,
    },
    /// A node that isn't of the family or doesn't fit its inputs.
    #[error("node {node:?} ({op}): {reason}")]
    Node {
        /// The node's name, or its place in the graph if it has none.
        node: String,
        /// Its operator.
        op: String,
        /// What it holds and what was expected.
        reason: String,
    },
}

impl GraphError {
    pub(crate) fn model(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Model {
            what: what.into(),
            reason: reason.into(),
        }
    }
}
