//! The typed graph.

use crate::{Element, LstmWeights, Shape};

/// A checked graph: nodes in the order of execution.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    pub(crate) name: String,
    pub(crate) values: Vec<Value>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) inputs: Vec<ValueId>,
    pub(crate) outputs: Vec<(String, ValueId)>,
}

/// Points to a value of the graph that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ValueId(pub(crate) usize);

impl ValueId {
    /// Counts from 0 in the order in which the values come to be.
    #[must_use]
    pub fn index(self) -> usize {
        self.0
    }
}

/// Something that flows along the graph's edges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// Unique in the graph.
    pub name: String,
    /// With one axis of rows.
    pub shape: Shape,
    /// The type of its numbers.
    pub element: Element,
}

/// One step of the computation.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Unique in the graph.
    pub name: String,
    /// What it does, and to which values.
    pub op: Op,
    /// One value; for [`Op::Lstm`] three: all hidden states
    /// `[steps, 1, rows, hidden]`, then the last hidden and the last cell state
    /// `[1, rows, hidden]`.
    pub outputs: Vec<ValueId>,
}

/// What a node does.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// A recurrent layer.
    Lstm(Lstm),
    /// `input · weight + bias` over the last axis. With a bias, the input is
    /// `[rows, in]`.
    Dense {
        /// `[.., in]`.
        input: ValueId,
        /// `[in, out]`.
        weight: Constant,
        /// `[out]`.
        bias: Option<Vec<f32>>,
    },
    /// A function of each number.
    Activation(Activation, ValueId),
    /// Softmax over the last axis, which isn't the rows'.
    Softmax(ValueId),
    /// `input ∘ constant`, the constant broadcast to the input's shape.
    Arithmetic {
        /// The operation.
        kind: Arithmetic,
        /// The left operand, or the right one if `constant_first`.
        input: ValueId,
        /// Has size 1 along the rows.
        constant: Constant,
        /// `constant ∘ input`.
        constant_first: bool,
    },
    /// Axis `i` of the output is axis `axes[i]` of the input.
    Transpose {
        /// The input.
        input: ValueId,
        /// A permutation of the input's axes.
        axes: Vec<usize>,
    },
    /// The same numbers in row-major order under another shape. As many numbers
    /// lie before the axis of rows as before, so rows stay apart.
    Reshape {
        /// The input.
        input: ValueId,
        /// The new shape.
        shape: Shape,
    },
    /// Inputs one after another along an axis that isn't the rows'.
    Concat {
        /// At least one, of equal shapes but for the axis.
        inputs: Vec<ValueId>,
        /// The axis.
        axis: usize,
    },
    /// `start..end` along an axis that isn't the rows'.
    Slice {
        /// The input.
        input: ValueId,
        /// The axis.
        axis: usize,
        /// The first element.
        start: usize,
        /// The one after the last.
        end: usize,
    },
}

impl Op {
    /// The name of the operation in ONNX.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Lstm(_) => "LSTM",
            Self::Dense { bias: Some(_), .. } => "Gemm",
            Self::Dense { bias: None, .. } => "MatMul",
            Self::Activation(Activation::Relu, _) => "Relu",
            Self::Activation(Activation::Tanh, _) => "Tanh",
            Self::Activation(Activation::Sigmoid, _) => "Sigmoid",
            Self::Softmax(_) => "Softmax",
            Self::Arithmetic {
                kind: Arithmetic::Add,
                ..
            } => "Add",
            Self::Arithmetic {
                kind: Arithmetic::Sub,
                ..
            } => "Sub",
            Self::Arithmetic {
                kind: Arithmetic::Mul,
                ..
            } => "Mul",
            Self::Arithmetic {
                kind: Arithmetic::Div,
                ..
            } => "Div",
            Self::Transpose { .. } => "Transpose",
            Self::Reshape { .. } => "Reshape",
            Self::Concat { .. } => "Concat",
            Self::Slice { .. } => "Slice",
        }
    }

    /// The values it reads.
    #[must_use]
    pub fn inputs(&self) -> Vec<ValueId> {
        match self {
            Self::Lstm(lstm) => [
                Some(lstm.input),
                lstm.valid_steps,
                lstm.initial_h,
                lstm.initial_c,
            ]
            .into_iter()
            .flatten()
            .collect(),
            Self::Concat { inputs, .. } => inputs.clone(),
            Self::Dense { input, .. }
            | Self::Activation(_, input)
            | Self::Softmax(input)
            | Self::Arithmetic { input, .. }
            | Self::Transpose { input, .. }
            | Self::Reshape { input, .. }
            | Self::Slice { input, .. } => vec![*input],
        }
    }

    /// Replaces the values it reads.
    pub(crate) fn map_inputs(&mut self, map: impl Fn(ValueId) -> ValueId) {
        match self {
            Self::Lstm(lstm) => {
                lstm.input = map(lstm.input);
                for id in [
                    &mut lstm.valid_steps,
                    &mut lstm.initial_h,
                    &mut lstm.initial_c,
                ] {
                    *id = id.map(&map);
                }
            }
            Self::Concat { inputs, .. } => {
                inputs.iter_mut().for_each(|id| *id = map(*id));
            }
            Self::Dense { input, .. }
            | Self::Activation(_, input)
            | Self::Softmax(input)
            | Self::Arithmetic { input, .. }
            | Self::Transpose { input, .. }
            | Self::Reshape { input, .. }
            | Self::Slice { input, .. } => *input = map(*input),
        }
    }
}

/// One recurrent layer, forward in time.
#[derive(Clone, Debug, PartialEq)]
pub struct Lstm {
    /// `[steps, rows, width]`.
    pub input: ValueId,
    /// int32 `[rows]`: a row's steps beyond this change nothing, and its states
    /// there are zeros. Without it all steps count.
    pub valid_steps: Option<ValueId>,
    /// `[1, rows, hidden]`; zeros without it.
    pub initial_h: Option<ValueId>,
    /// `[1, rows, hidden]`; zeros without it.
    pub initial_c: Option<ValueId>,
    /// Weights and biases.
    pub weights: LstmWeights,
}

/// A function of each number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `max(x, 0)`.
    Relu,
    /// The hyperbolic tangent.
    Tanh,
    /// `1 / (1 + exp(−x))`.
    Sigmoid,
}

/// An operation of two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arithmetic {
    /// Sum.
    Add,
    /// Difference.
    Sub,
    /// Product.
    Mul,
    /// Quotient.
    Div,
}

/// A tensor of finite numbers, known beforehand.
#[derive(Clone, Debug, PartialEq)]
pub struct Constant {
    /// Sizes of the axes; empty for a single number.
    pub dims: Vec<usize>,
    /// Row-major; as many as the product of `dims`.
    pub values: Vec<f32>,
}

impl Graph {
    /// The graph's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// All values, in the order of [`ValueId::index`].
    #[must_use]
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// One value.
    ///
    /// # Panics
    ///
    /// When the id comes from another graph.
    #[must_use]
    pub fn value(&self, id: ValueId) -> &Value {
        &self.values[id.0]
    }

    /// The nodes, each after those it depends on.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The graph's inputs.
    #[must_use]
    pub fn inputs(&self) -> &[ValueId] {
        &self.inputs
    }

    /// The input of that name.
    #[must_use]
    pub fn input(&self, name: &str) -> Option<ValueId> {
        self.inputs
            .iter()
            .copied()
            .find(|id| self.value(*id).name == name)
    }

    /// The graph's outputs with their names.
    #[must_use]
    pub fn outputs(&self) -> &[(String, ValueId)] {
        &self.outputs
    }

    /// The output of that name.
    #[must_use]
    pub fn output(&self, name: &str) -> Option<ValueId> {
        self.outputs
            .iter()
            .find(|(output, _)| output == name)
            .map(|(_, id)| *id)
    }

    /// How often each value is read, by nodes or as an output of the graph, in
    /// the order of [`ValueId::index`].
    #[must_use]
    pub fn uses(&self) -> Vec<usize> {
        let mut uses = vec![0; self.values.len()];
        let outputs = self.outputs.iter().map(|(_, id)| *id);
        for id in self
            .nodes
            .iter()
            .flat_map(|node| node.op.inputs())
            .chain(outputs)
        {
            uses[id.0] += 1;
        }
        uses
    }
}
