//! From a graph to the bytes of an ONNX model.

use std::collections::HashSet;

use prost::Message as _;

use crate::{
    Constant, Dim, Element, Graph, Lstm, Node, Op, Shape, ValueId,
    builder::unique,
    onnx::{
        AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
        TensorShapeProto, TypeProto, ValueInfoProto, attribute_proto::AttributeType,
        tensor_proto::DataType, tensor_shape_proto::Dimension,
        tensor_shape_proto::dimension::Value as Size, type_proto,
    },
};

/// The version of the file format, that of ONNX 1.12.
const IR_VERSION: i64 = 8;

/// The version of the operators, that of ONNX 1.12.
const OPSET: i64 = 17;

impl Graph {
    /// The bytes of an ONNX model: IR version 8, operator set 17, weights inside.
    /// The axis of rows is the parameter `rows`. Equal graphs give equal bytes.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut writer = Writer::new(self);
        for node in &self.nodes {
            writer.node(node);
        }
        let describe = |name: &str, id: &ValueId| {
            let value = self.value(*id);
            value_info(name, value.element, &value.shape)
        };
        let inputs = self
            .inputs
            .iter()
            .map(|id| describe(&self.value(*id).name, id))
            .collect();
        let outputs = self
            .outputs
            .iter()
            .map(|(name, id)| describe(name, id))
            .collect();
        let model = ModelProto {
            ir_version: Some(IR_VERSION),
            producer_name: Some(env!("CARGO_PKG_NAME").to_owned()),
            producer_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            graph: Some(GraphProto {
                node: writer.nodes,
                name: Some(self.name.clone()),
                initializer: writer.constants,
                input: inputs,
                output: outputs,
            }),
            opset_import: vec![OperatorSetIdProto {
                domain: Some(String::new()),
                version: Some(OPSET),
            }],
            functions: Vec::new(),
        };
        model.encode_to_vec()
    }
}

struct Writer<'a> {
    graph: &'a Graph,
    uses: Vec<usize>,
    names: HashSet<String>,
    nodes: Vec<NodeProto>,
    constants: Vec<TensorProto>,
}

impl<'a> Writer<'a> {
    fn new(graph: &'a Graph) -> Self {
        let values = graph.values.iter().map(|value| value.name.clone());
        let outputs = graph.outputs.iter().map(|(name, _)| name.clone());
        Self {
            graph,
            uses: graph.uses(),
            names: values.chain(outputs).collect(),
            nodes: Vec::new(),
            constants: Vec::new(),
        }
    }

    /// The name of a value in the file: an output of the graph goes by its
    /// output's name.
    fn name(&self, id: ValueId) -> String {
        let output = self.graph.outputs.iter().find(|(_, value)| *value == id);
        output.map_or_else(
            || self.graph.value(id).name.clone(),
            |(name, _)| name.clone(),
        )
    }

    fn optional(&self, id: Option<ValueId>) -> String {
        id.map(|id| self.name(id)).unwrap_or_default()
    }

    fn constant(&mut self, name: &str, data: TensorProto) -> String {
        let name = unique(&mut self.names, name);
        self.constants.push(TensorProto {
            name: Some(name.clone()),
            ..data
        });
        name
    }

    fn floats(&mut self, name: &str, dims: &[usize], values: &[f32]) -> String {
        self.constant(name, float_tensor(dims, values))
    }

    fn ints(&mut self, name: &str, values: &[i64]) -> String {
        let data = TensorProto {
            dims: vec![as_i64(values.len())],
            data_type: Some(DataType::Int64 as i32),
            raw_data: Some(
                values
                    .iter()
                    .flat_map(|value| value.to_le_bytes())
                    .collect(),
            ),
            ..TensorProto::default()
        };
        self.constant(name, data)
    }

    fn node(&mut self, node: &Node) {
        let name = &node.name;
        let mut attributes = Vec::new();
        let inputs = match &node.op {
            Op::Lstm(lstm) => {
                attributes.push(int("hidden_size", as_i64(lstm.weights.hidden())));
                self.lstm(name, lstm)
            }
            Op::Dense {
                input,
                weight,
                bias,
            } => {
                let mut inputs = vec![self.name(*input), self.weight(name, weight)];
                if let Some(bias) = bias {
                    inputs.push(self.floats(&format!("{name}.bias"), &[bias.len()], bias));
                }
                inputs
            }
            Op::Activation(_, input) => vec![self.name(*input)],
            Op::Softmax(input) => {
                attributes.push(int("axis", -1));
                vec![self.name(*input)]
            }
            Op::Arithmetic {
                input,
                constant,
                constant_first,
                ..
            } => {
                let mut inputs = vec![self.name(*input), self.weight(name, constant)];
                if *constant_first {
                    inputs.reverse();
                }
                inputs
            }
            Op::Transpose { input, axes } => {
                attributes.push(ints(
                    "perm",
                    axes.iter().map(|axis| as_i64(*axis)).collect(),
                ));
                vec![self.name(*input)]
            }
            Op::Reshape { input, shape } => {
                let sizes: Vec<i64> = shape.dims().iter().map(size_or_rest).collect();
                vec![
                    self.name(*input),
                    self.ints(&format!("{name}.shape"), &sizes),
                ]
            }
            Op::Concat { inputs, axis } => {
                attributes.push(int("axis", as_i64(*axis)));
                inputs.iter().map(|id| self.name(*id)).collect()
            }
            Op::Slice {
                input,
                axis,
                start,
                end,
            } => {
                let mut inputs = vec![self.name(*input)];
                for (what, at) in [("start", start), ("end", end), ("axis", axis)] {
                    inputs.push(self.ints(&format!("{name}.{what}"), &[as_i64(*at)]));
                }
                inputs
            }
        };
        let used = |id: &ValueId| self.uses[id.0] > 0 || node.outputs.len() == 1;
        let outputs = node
            .outputs
            .iter()
            .map(|id| self.optional(Some(*id).filter(used)));
        self.nodes.push(NodeProto {
            output: without_trailing_blanks(outputs.collect()),
            input: without_trailing_blanks(inputs),
            name: Some(name.clone()),
            op_type: Some(node.op.name().to_owned()),
            attribute: attributes,
            domain: None,
        });
    }

    fn weight(&mut self, node: &str, constant: &Constant) -> String {
        self.floats(&format!("{node}.weight"), &constant.dims, &constant.values)
    }

    fn lstm(&mut self, name: &str, lstm: &Lstm) -> Vec<String> {
        let weights = &lstm.weights;
        let (width, hidden) = (weights.width(), weights.hidden());
        // ONNX keeps one bias for the input and one for the recurrence.
        let mut biases = weights.b().to_vec();
        biases.resize(8 * hidden, 0.0);
        vec![
            self.name(lstm.input),
            self.floats(&format!("{name}.W"), &[1, 4 * hidden, width], weights.w()),
            self.floats(&format!("{name}.R"), &[1, 4 * hidden, hidden], weights.r()),
            self.floats(&format!("{name}.B"), &[1, 8 * hidden], &biases),
            self.optional(lstm.valid_steps),
            self.optional(lstm.initial_h),
            self.optional(lstm.initial_c),
        ]
    }
}

fn without_trailing_blanks(mut names: Vec<String>) -> Vec<String> {
    while names.last().is_some_and(String::is_empty) {
        names.pop();
    }
    names
}

/// Reshape's own notation: −1 stands for what is left, the rows.
fn size_or_rest(dim: &Dim) -> i64 {
    match dim {
        Dim::Rows => -1,
        Dim::Fixed(size) => as_i64(*size),
    }
}

fn as_i64(size: usize) -> i64 {
    i64::try_from(size).expect("sizes are bounded by the shapes they come from")
}

/// A tensor without a name.
pub(crate) fn float_tensor(dims: &[usize], values: &[f32]) -> TensorProto {
    TensorProto {
        dims: dims.iter().map(|size| as_i64(*size)).collect(),
        data_type: Some(DataType::Float as i32),
        raw_data: Some(
            values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect(),
        ),
        ..TensorProto::default()
    }
}

pub(crate) fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        r#type: Some(AttributeType::Int as i32),
        i: Some(value),
        ..AttributeProto::default()
    }
}

fn ints(name: &str, values: Vec<i64>) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        r#type: Some(AttributeType::Ints as i32),
        ints: values,
        ..AttributeProto::default()
    }
}

fn value_info(name: &str, element: Element, shape: &Shape) -> ValueInfoProto {
    let size = |dim: &Dim| match dim {
        Dim::Rows => Size::DimParam("rows".to_owned()),
        Dim::Fixed(size) => Size::DimValue(as_i64(*size)),
    };
    let element = match element {
        Element::F32 => DataType::Float,
        Element::I32 => DataType::Int32,
    };
    let tensor = type_proto::Tensor {
        elem_type: Some(element as i32),
        shape: Some(TensorShapeProto {
            dim: shape
                .dims()
                .iter()
                .map(|dim| Dimension {
                    value: Some(size(dim)),
                })
                .collect(),
        }),
    };
    ValueInfoProto {
        name: Some(name.to_owned()),
        r#type: Some(TypeProto {
            value: Some(type_proto::Value::TensorType(tensor)),
        }),
    }
}
