//! One node of the file.

use super::{Reader, attributes::Attributes};
use crate::{
    Activation, Arithmetic, Constant, Element, GraphError, Op, Shape, ValueId,
    onnx::{NodeProto, attribute_proto::AttributeType, tensor_proto::DataType},
};

/// A node with what its errors call it.
pub(super) struct NodeReader<'a> {
    pub(super) proto: &'a NodeProto,
    pub(super) label: String,
}

impl<'a> NodeReader<'a> {
    pub(super) fn fault(&self, reason: impl Into<String>) -> GraphError {
        GraphError::Node {
            node: self.label.clone(),
            op: self.proto.op_type().to_owned(),
            reason: reason.into(),
        }
    }

    pub(super) fn check<T>(&self, result: Result<T, String>) -> Result<T, GraphError> {
        result.map_err(|reason| self.fault(reason))
    }

    /// The name of an input, `None` where it is left out.
    pub(super) fn optional(&self, at: usize) -> Option<&'a str> {
        self.proto
            .input
            .get(at)
            .map(String::as_str)
            .filter(|name| !name.is_empty())
    }

    pub(super) fn input(&self, at: usize) -> Result<&'a str, GraphError> {
        self.optional(at)
            .ok_or_else(|| self.fault(format!("input {at} is missing")))
    }

    fn expect_inputs(&self, most: usize) -> Result<(), GraphError> {
        let count = self.proto.input.len();
        if count <= most {
            return Ok(());
        }
        Err(self.fault(format!("has {count} inputs, expected at most {most}")))
    }

    fn expect_outputs(&self, most: usize) -> Result<(), GraphError> {
        let count = self.proto.output.len();
        if count <= most {
            return Ok(());
        }
        Err(self.fault(format!("has {count} outputs, expected at most {most}")))
    }
}

impl<'a> Reader<'a> {
    pub(super) fn node(&mut self, at: usize, proto: &'a NodeProto) -> Result<(), GraphError> {
        let label = match proto.name() {
            "" => format!("#{at}"),
            name => name.to_owned(),
        };
        let node = NodeReader { proto, label };
        if !matches!(proto.domain(), "" | "ai.onnx") {
            return Err(node.fault(format!("domain {:?} is not supported", proto.domain())));
        }
        let mut attributes = Attributes::new(&proto.attribute);
        let most = if proto.op_type() == "LSTM" { 8 } else { 5 };
        if proto.op_type() != "Concat" {
            node.expect_inputs(most)?;
        }
        if proto.op_type() == "Constant" {
            return self.constant(&node, attributes);
        }
        if self.folds(&node) {
            let known = self.fold(&node, &mut attributes)?;
            node.check(attributes.finish())?;
            node.expect_outputs(1)?;
            let name = self.output(&node, 0)?;
            return node.check(self.constants.fold(name, known));
        }
        let outputs = match proto.op_type() {
            "Identity" => vec![self.value(&node, 0)?],
            "Cast" => vec![self.cast(&node, &mut attributes)?],
            "Dropout" => vec![self.dropout(&node, &mut attributes)?],
            "Slice" => vec![self.slice(&node)?],
            "Gather" => vec![self.gather(&node, &mut attributes)?],
            "Split" => self.split(&node, &mut attributes)?,
            _ => {
                let op = self.op(&node, &mut attributes)?;
                self.builder.push(&node.label, op)?
            }
        };
        node.check(attributes.finish())?;
        node.expect_outputs(outputs.len())?;
        for (at, id) in outputs.into_iter().take(proto.output.len()).enumerate() {
            if !proto.output[at].is_empty() {
                let name = self.output(&node, at)?;
                self.values.insert(name, id);
            }
        }
        Ok(())
    }

    fn op(
        &mut self,
        node: &NodeReader<'a>,
        attributes: &mut Attributes<'a>,
    ) -> Result<Op, GraphError> {
        let kind = match node.proto.op_type() {
            "LSTM" => return self.lstm(node, attributes).map(Op::Lstm),
            "Gemm" => return self.gemm(node, attributes),
            "MatMul" => {
                let input = self.value(node, 0)?;
                let weight = self.floats(node, 1)?;
                return Ok(Op::Dense {
                    input,
                    weight,
                    bias: None,
                });
            }
            "Relu" => return Ok(Op::Activation(Activation::Relu, self.value(node, 0)?)),
            "Tanh" => return Ok(Op::Activation(Activation::Tanh, self.value(node, 0)?)),
            "Sigmoid" => return Ok(Op::Activation(Activation::Sigmoid, self.value(node, 0)?)),
            "Softmax" => return self.softmax(node, attributes),
            "Add" => Arithmetic::Add,
            "Sub" => Arithmetic::Sub,
            "Mul" => Arithmetic::Mul,
            "Div" => Arithmetic::Div,
            _ => return self.layout(node, attributes),
        };
        let constant_first = self.constants.has(node.input(0)?);
        let (constant, input) = if constant_first { (0, 1) } else { (1, 0) };
        let input = self.value(node, input)?;
        let constant = self.floats(node, constant)?;
        Ok(Op::Arithmetic {
            kind,
            input,
            constant,
            constant_first,
        })
    }

    /// A value that an earlier node computed, or an input of the graph.
    pub(super) fn value(&self, node: &NodeReader<'_>, at: usize) -> Result<ValueId, GraphError> {
        let name = node.input(at)?;
        self.values.get(name).copied().ok_or_else(|| {
            node.fault(if self.constants.has(name) {
                format!("input {at} is the constant {name:?}, expected a computed value")
            } else {
                format!("input {at} is {name:?}, which no earlier node computes")
            })
        })
    }

    pub(super) fn optional_value(
        &self,
        node: &NodeReader<'_>,
        at: usize,
    ) -> Result<Option<ValueId>, GraphError> {
        node.optional(at).map(|_| self.value(node, at)).transpose()
    }

    pub(super) fn shape(&self, id: ValueId) -> &Shape {
        &self.builder.graph().value(id).shape
    }

    pub(super) fn floats(
        &mut self,
        node: &NodeReader<'_>,
        at: usize,
    ) -> Result<Constant, GraphError> {
        let name = node.input(at)?;
        node.check(self.constants.floats(name))
    }

    /// The name of an output, which nothing may have yet.
    fn output(&self, node: &NodeReader<'a>, at: usize) -> Result<&'a str, GraphError> {
        let name = node.proto.output.get(at).map_or("", String::as_str);
        if name.is_empty() || self.values.contains_key(name) || self.constants.has(name) {
            return Err(node.fault(format!("output {name:?}: expected a name of its own")));
        }
        Ok(name)
    }

    fn constant(
        &mut self,
        node: &NodeReader<'a>,
        mut attributes: Attributes<'a>,
    ) -> Result<(), GraphError> {
        let value = node.check(attributes.take("value", AttributeType::Tensor))?;
        node.check(attributes.finish())?;
        let tensor = value.and_then(|attribute| attribute.t.as_ref());
        let tensor = tensor.ok_or_else(|| node.fault("attribute value is missing"))?;
        let name = self.output(node, 0)?;
        node.check(self.constants.store(name, tensor))
    }

    /// To the type that the value has: the same value.
    fn cast(
        &self,
        node: &NodeReader<'a>,
        attributes: &mut Attributes<'a>,
    ) -> Result<ValueId, GraphError> {
        let input = self.value(node, 0)?;
        let own = match self.builder.graph().value(input).element {
            Element::F32 => DataType::Float,
            Element::I32 => DataType::Int32,
        };
        let to = node.check(attributes.int("to", 0))?;
        if to == i64::from(own as i32) {
            return Ok(input);
        }
        let expected = own as i32;
        Err(node.fault(format!(
            "casts to data type {to}, expected {expected} ({own:?})"
        )))
    }

    /// Does nothing outside of training.
    fn dropout(
        &mut self,
        node: &NodeReader<'a>,
        attributes: &mut Attributes<'a>,
    ) -> Result<ValueId, GraphError> {
        node.check(attributes.int("seed", 0))?;
        if node.optional(2).is_some() {
            let mode = node.check(self.constants.ints(node.input(2)?))?;
            if mode != [0] {
                return Err(node.fault("training_mode is set; expected a model for inference"));
            }
        }
        self.value(node, 0)
    }

    fn softmax(
        &mut self,
        node: &NodeReader<'a>,
        attributes: &mut Attributes<'a>,
    ) -> Result<Op, GraphError> {
        let input = self.value(node, 0)?;
        let axis = node.check(attributes.int("axis", -1))?;
        let rank = self.shape(input).rank();
        if axis != -1 && usize::try_from(axis) != Ok(rank - 1) {
            return Err(node.fault(format!("axis {axis} is not supported, expected the last")));
        }
        Ok(Op::Softmax(input))
    }

    fn gemm(
        &mut self,
        node: &NodeReader<'a>,
        attributes: &mut Attributes<'a>,
    ) -> Result<Op, GraphError> {
        let input = self.value(node, 0)?;
        let alpha = node.check(attributes.float("alpha", 1.0))?;
        let beta = node.check(attributes.float("beta", 1.0))?;
        if node.check(attributes.int("transA", 0))? != 0 {
            return Err(node.fault("transA is not supported, expected 0"));
        }
        let transposed = node.check(attributes.int("transB", 0))? != 0;
        let mut weight = self.floats(node, 1)?;
        let [rows, columns] = weight.dims[..] else {
            return Err(node.fault(format!("B has shape {:?}, expected two axes", weight.dims)));
        };
        if transposed {
            weight = Constant {
                dims: vec![columns, rows],
                values: (0..columns)
                    .flat_map(|column| weight.values[column..].iter().step_by(columns).copied())
                    .collect(),
            };
        }
        weight.values.iter_mut().for_each(|value| *value *= alpha);
        let outputs = weight.dims[1];
        let bias = match node.optional(2) {
            None => vec![0.0; outputs],
            Some(_) => {
                let bias = self.floats(node, 2)?;
                match bias.dims[..] {
                    [size] | [1, size] if size == outputs => bias.values,
                    [] | [1] | [1, 1] => vec![bias.values[0]; outputs],
                    _ => {
                        let reason = format!("C has shape {:?}, expected [{outputs}]", bias.dims);
                        return Err(node.fault(reason));
                    }
                }
            }
        };
        let bias = bias.into_iter().map(|value| value * beta).collect();
        Ok(Op::Dense {
            input,
            weight,
            bias: Some(bias),
        })
    }
}
