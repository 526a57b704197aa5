//! A graph compiled to tensor operations.
//!
//! Every value of a graph has exactly one axis of rows, so every value is kept as
//! `[before, rows, after]`: the numbers before and after that axis, joined.
//! Reshapes, which keep rows apart, then do nothing at all.

use burn::tensor::{Device, Tensor, TensorData, activation};
use ser_graph::{Activation, Arithmetic, Constant, Dim, Graph, Op, Shape, ValueId};

use crate::{
    lstm::{LstmInputs, LstmLayer},
    product::Weight,
};

/// A compiled graph with its weights.
#[derive(Debug)]
pub(crate) struct Program {
    steps: Vec<Step>,
    /// How often each value is read.
    uses: Vec<usize>,
}

/// One operation with the values that it reads and makes.
#[derive(Debug)]
struct Step {
    operation: Operation,
    inputs: Vec<ValueId>,
    outputs: Vec<ValueId>,
}

#[derive(Debug)]
enum Operation {
    Lstm {
        layer: LstmLayer,
        padded: bool,
        h: Option<ValueId>,
        c: Option<ValueId>,
    },
    Dense {
        weight: Weight,
        bias: Option<Tensor<2>>,
    },
    Activation(Activation),
    Softmax {
        classes: usize,
    },
    Arithmetic {
        kind: Arithmetic,
        constant: Tensor<3>,
        constant_first: bool,
    },
    Transpose {
        axes: [usize; 4],
        shape: Shape,
    },
    Reshape,
    Concat {
        shapes: Vec<Shape>,
        axis: usize,
    },
    Slice {
        shape: Shape,
        axis: usize,
        start: usize,
        len: usize,
    },
}

/// The values that there are while a program runs.
pub(crate) struct Values<'a> {
    tensors: Vec<Option<Tensor<3>>>,
    uses: Vec<usize>,
    valid_steps: &'a [usize],
}

impl Values<'_> {
    pub(crate) fn set(&mut self, id: ValueId, tensor: Tensor<3>) {
        self.tensors[id.index()] = Some(tensor);
    }

    /// The last reader gets the value itself, so that Burn can work in place.
    pub(crate) fn take(&mut self, id: ValueId) -> Tensor<3> {
        let at = id.index();
        self.uses[at] -= 1;
        let tensor = match self.uses[at] {
            0 => self.tensors[at].take(),
            _ => self.tensors[at].clone(),
        };
        tensor.expect("nodes are in the order of execution")
    }
}

impl Program {
    pub(crate) fn new(graph: &Graph, device: &Device) -> Self {
        let steps = graph.nodes().iter().map(|node| Step {
            operation: Operation::new(graph, &node.op, device),
            inputs: node.op.inputs(),
            outputs: node.outputs.clone(),
        });
        Self {
            steps: steps.collect(),
            uses: graph.uses(),
        }
    }

    /// The values before the first step; the inputs are still to be set.
    pub(crate) fn values<'a>(&self, valid_steps: &'a [usize]) -> Values<'a> {
        let uses = self.uses.clone();
        Values {
            tensors: vec![None; uses.len()],
            uses,
            valid_steps,
        }
    }

    pub(crate) fn run(&self, values: &mut Values<'_>) {
        for step in &self.steps {
            match &step.operation {
                Operation::Lstm {
                    layer,
                    padded,
                    h,
                    c,
                } => {
                    let keep_all = self.uses[step.outputs[0].index()] > 0;
                    let inputs = LstmInputs {
                        features: values.take(step.inputs[0]),
                        valid_steps: padded.then_some(values.valid_steps),
                        h: h.map(|id| values.take(id)),
                        c: c.map(|id| values.take(id)),
                    };
                    let outputs = layer.run(inputs, keep_all);
                    if let Some(all) = outputs.all {
                        values.set(step.outputs[0], all);
                    }
                    values.set(step.outputs[1], outputs.h);
                    values.set(step.outputs[2], outputs.c);
                }
                operation => {
                    let inputs = step.inputs.iter().map(|id| values.take(*id)).collect();
                    values.set(step.outputs[0], operation.run(inputs));
                }
            }
        }
    }
}

impl Operation {
    fn new(graph: &Graph, op: &Op, device: &Device) -> Self {
        let shape = |id: &ValueId| graph.value(*id).shape.clone();
        match op {
            Op::Lstm(lstm) => Self::Lstm {
                layer: LstmLayer::new(&lstm.weights, device),
                padded: lstm.valid_steps.is_some(),
                h: lstm.initial_h,
                c: lstm.initial_c,
            },
            Op::Dense { weight, bias, .. } => {
                let (inputs, outputs) = (weight.dims[0], weight.dims[1]);
                let bias = bias.as_ref().map(|bias| {
                    Tensor::from_data(TensorData::new(bias.clone(), [1, outputs]), device)
                });
                Self::Dense {
                    weight: Weight::new(inputs, outputs, &weight.values, device),
                    bias,
                }
            }
            Op::Activation(activation, _) => Self::Activation(*activation),
            Op::Softmax(input) => {
                let classes = shape(input).last().expect("checked by shape inference");
                Self::Softmax { classes }
            }
            Op::Arithmetic {
                kind,
                input,
                constant,
                constant_first,
            } => Self::Arithmetic {
                kind: *kind,
                constant: broadcast(constant, &shape(input), device),
                constant_first: *constant_first,
            },
            Op::Transpose { input, axes } => {
                let shape = shape(input);
                let leading = 4 - shape.rank();
                let mut padded = [0, 1, 2, 3];
                for (to, from) in padded[leading..].iter_mut().zip(axes) {
                    *to = leading + from;
                }
                Self::Transpose {
                    axes: padded,
                    shape,
                }
            }
            Op::Reshape { .. } => Self::Reshape,
            Op::Concat { inputs, axis } => {
                let shapes: Vec<Shape> = inputs.iter().map(shape).collect();
                let axis = 4 - shapes[0].rank() + axis;
                Self::Concat { shapes, axis }
            }
            Op::Slice {
                input,
                axis,
                start,
                end,
            } => {
                let shape = shape(input);
                let axis = 4 - shape.rank() + axis;
                Self::Slice {
                    shape,
                    axis,
                    start: *start,
                    len: end - start,
                }
            }
        }
    }

    fn run(&self, mut inputs: Vec<Tensor<3>>) -> Tensor<3> {
        if let Self::Concat { shapes, axis } = self {
            let axes = inputs
                .into_iter()
                .zip(shapes)
                .map(|(input, shape)| unfold(input, shape));
            return fold(Tensor::cat(axes.collect(), *axis), &shapes[0]);
        }
        let input = inputs.pop().expect("every other operation has one input");
        match self {
            Self::Activation(Activation::Relu) => activation::relu(input),
            Self::Activation(Activation::Tanh) => input.tanh(),
            Self::Activation(Activation::Sigmoid) => activation::sigmoid(input),
            Self::Dense { weight, bias } => {
                let [before, rows, after] = input.dims();
                let lines = before * rows * after / weight.inputs();
                let product = weight.product(input.reshape([lines, weight.inputs()]));
                let product = match bias {
                    Some(bias) => product + bias.clone(),
                    None => product,
                };
                product.reshape([before, rows, after / weight.inputs() * weight.outputs()])
            }
            Self::Softmax { classes } => {
                let dims = input.dims();
                let lines = dims.iter().product::<usize>() / classes;
                activation::softmax(input.reshape([lines, *classes]), 1).reshape(dims)
            }
            Self::Arithmetic {
                kind,
                constant,
                constant_first,
            } => {
                let constant = constant.clone();
                let (left, right) = if *constant_first {
                    (constant, input)
                } else {
                    (input, constant)
                };
                match kind {
                    Arithmetic::Add => left + right,
                    Arithmetic::Sub => left - right,
                    Arithmetic::Mul => left * right,
                    Arithmetic::Div => left / right,
                }
            }
            Self::Transpose { axes, shape } => {
                let output = unfold(input, shape).permute(axes.map(|axis| axis as isize));
                let rows_axis = 4 - shape.rank() + shape.rows_axis();
                let at = axes.iter().position(|axis| *axis == rows_axis);
                fold_at(output, at.expect("a permutation has every axis"))
            }
            Self::Slice {
                shape,
                axis,
                start,
                len,
            } => fold(unfold(input, shape).narrow(*axis, *start, *len), shape),
            Self::Reshape => input,
            Self::Lstm { .. } | Self::Concat { .. } => unreachable!("have their own ways above"),
        }
    }
}

/// `[before, rows, after]` as the axes of its shape, behind axes of size 1.
fn unfold(tensor: Tensor<3>, shape: &Shape) -> Tensor<4> {
    let [_, rows, _] = tensor.dims();
    let mut sizes = [1; 4];
    sizes[4 - shape.rank()..].copy_from_slice(&shape.sizes(rows));
    tensor.reshape(sizes)
}

/// Back to `[before, rows, after]`.
fn fold(tensor: Tensor<4>, shape: &Shape) -> Tensor<3> {
    fold_at(tensor, 4 - shape.rank() + shape.rows_axis())
}

fn fold_at(tensor: Tensor<4>, rows_axis: usize) -> Tensor<3> {
    let sizes = tensor.dims();
    let product = |sizes: &[usize]| sizes.iter().product::<usize>();
    let folded = [
        product(&sizes[..rows_axis]),
        sizes[rows_axis],
        product(&sizes[rows_axis + 1..]),
    ];
    tensor.reshape(folded)
}

/// A constant as large as one row of a shape, `[before, 1, after]`.
fn broadcast(constant: &Constant, shape: &Shape, device: &Device) -> Tensor<3> {
    let leading = 4 - constant.dims.len();
    let mut sizes = [1; 4];
    sizes[leading..].copy_from_slice(&constant.dims);
    let data = TensorData::new(constant.values.clone(), sizes);
    let mut target = [1; 4];
    let dims = shape.dims();
    for (target, dim) in target[4 - dims.len()..].iter_mut().zip(dims) {
        if let Dim::Fixed(size) = dim {
            *target = *size;
        }
    }
    fold(Tensor::<4>::from_data(data, device).expand(target), shape)
}
