//! From the bytes of an ONNX model to a graph.
use crate::{Graph, GraphError};
impl Graph {
    /// Reads an ONNX model.
    ///
    /// # Errors
    ///
    /// When the bytes are no ONNX model, or naming the first node that isn't of
    /// the family.
    pub fn read(_bytes: &[u8]) -> Result<Self, GraphError> {
        Err(GraphError::Decode("not there yet".to_owned()))
    }
}
