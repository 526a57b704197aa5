//! From the bytes of an ONNX model to a graph.

mod attributes;
mod constants;
mod fold;
mod known;
mod layout;
mod lstm;
mod node;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, ops::RangeInclusive};

use prost::Message as _;

use crate::{
    Dim, Element, Graph, GraphBuilder, GraphError, ValueId,
    builder::MAX_NODES,
    onnx::{
        GraphProto, ModelProto, ValueInfoProto, tensor_proto::DataType,
        tensor_shape_proto::dimension::Value as Size, type_proto,
    },
};

use constants::Constants;

/// Bytes of a model at most.
pub(crate) const MAX_BYTES: usize = 256 << 20;

/// Versions of the operator set in which the family's operators mean the same.
const OPSETS: RangeInclusive<i64> = 13..=23;

impl Graph {
    /// Reads an ONNX model of at most 256 MiB.
    ///
    /// # Errors
    ///
    /// When the bytes are no ONNX model, or naming the first node that isn't of
    /// the family or doesn't fit its inputs.
    pub fn read(bytes: &[u8]) -> Result<Self, GraphError> {
        if bytes.len() > MAX_BYTES {
            return Err(GraphError::Decode(format!(
                "is larger than {MAX_BYTES} bytes"
            )));
        }
        let model =
            ModelProto::decode(bytes).map_err(|error| GraphError::Decode(error.to_string()))?;
        check_versions(&model)?;
        let graph = model
            .graph
            .ok_or_else(|| GraphError::model("graph", "missing, expected one"))?;
        Reader::new(&graph)?.read()
    }
}

pub(crate) fn check_versions(model: &ModelProto) -> Result<(), GraphError> {
    let is_default = |domain: &str| matches!(domain, "" | "ai.onnx");
    let version = model
        .opset_import
        .iter()
        .find(|import| is_default(import.domain()))
        .map(|import| import.version());
    let supported = format!("expected {} to {}", OPSETS.start(), OPSETS.end());
    match version {
        None => Err(GraphError::model(
            "opset_import",
            format!("missing, {supported}"),
        )),
        Some(version) if !OPSETS.contains(&version) => Err(GraphError::model(
            "opset_import",
            format!("version {version}, {supported}"),
        )),
        Some(_) if !model.functions.is_empty() => {
            Err(GraphError::model("functions", "are not supported"))
        }
        Some(_) => Ok(()),
    }
}

/// Reads the nodes of one graph in their order.
struct Reader<'a> {
    proto: &'a GraphProto,
    builder: GraphBuilder,
    constants: Constants<'a>,
    /// The values that there are so far by their names in the file.
    values: HashMap<&'a str, ValueId>,
}

impl<'a> Reader<'a> {
    fn new(proto: &'a GraphProto) -> Result<Self, GraphError> {
        if proto.node.len() > MAX_NODES {
            let reason = format!("{} nodes, expected at most {MAX_NODES}", proto.node.len());
            return Err(GraphError::model("graph", reason));
        }
        let mut reader = Self {
            proto,
            builder: GraphBuilder::new(proto.name()),
            constants: Constants::new(&proto.initializer)?,
            values: HashMap::new(),
        };
        for input in &proto.input {
            // Old files list initialisers among the inputs too.
            if !reader.constants.has(input.name()) {
                reader.input(input)?;
            }
        }
        Ok(reader)
    }

    fn input(&mut self, input: &'a ValueInfoProto) -> Result<(), GraphError> {
        let name = input.name();
        let invalid = |reason: &str| GraphError::model(format!("input {name:?}"), reason);
        let Some(type_proto::Value::TensorType(tensor)) =
            input.r#type.as_ref().and_then(|kind| kind.value.as_ref())
        else {
            return Err(invalid("expected a tensor"));
        };
        let element = match DataType::try_from(tensor.elem_type()) {
            Ok(DataType::Float) => Element::F32,
            Ok(DataType::Int32) => Element::I32,
            _ => {
                let found = tensor.elem_type();
                return Err(invalid(&format!(
                    "data type {found}, expected float32 or int32"
                )));
            }
        };
        let shape = tensor
            .shape
            .as_ref()
            .ok_or_else(|| invalid("expected a shape"))?;
        let dims: Vec<Dim> = shape
            .dim
            .iter()
            .map(|dim| match dim.value {
                Some(Size::DimValue(size)) => usize::try_from(size).map(Dim::Fixed),
                _ => Ok(Dim::Rows),
            })
            .collect::<Result<_, _>>()
            .map_err(|_| invalid("expected sizes of at least 1"))?;
        let id = self.builder.input(name, element, &dims)?;
        self.values.insert(name, id);
        Ok(())
    }

    fn read(mut self) -> Result<Graph, GraphError> {
        for (at, node) in self.proto.node.iter().enumerate() {
            self.node(at, node)?;
        }
        let mut outputs = Vec::new();
        for output in &self.proto.output {
            let name = output.name();
            let id = self.values.get(name).ok_or_else(|| {
                GraphError::model(format!("output {name:?}"), "no node computes it")
            })?;
            outputs.push((name, *id));
        }
        self.builder.finish(&outputs)
    }
}
