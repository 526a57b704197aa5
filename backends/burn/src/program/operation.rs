//! One operation of a program.

use burn::backend::Dispatch;
use burn::tensor::{Tensor, activation};
use ser_graph::{Activation, Arithmetic, Graph, Op, Shape, ValueId};

use super::layout::{broadcast, fold, fold_at, unfold};
use crate::{
    fused::FusedOps as _,
    layers::{DenseLayer, LstmLayer, apply},
    placement::{Compute, Placement},
};

#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one a layer, and it isn't moved"
)]
pub(super) enum Operation {
    Lstm {
        layer: LstmLayer,
        padded: bool,
        h: Option<ValueId>,
        c: Option<ValueId>,
    },
    Dense(DenseLayer),
    Activation(Activation),
    Softmax {
        classes: usize,
        compute: Compute,
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

impl Operation {
    pub(super) fn new(graph: &Graph, op: &Op, placement: &Placement) -> Self {
        let shape = |id: &ValueId| graph.value(*id).shape.clone();
        match op {
            Op::Lstm(lstm) => Self::Lstm {
                layer: LstmLayer::new(&lstm.weights, placement),
                padded: lstm.valid_steps.is_some(),
                h: lstm.initial_h,
                c: lstm.initial_c,
            },
            Op::Dense { weight, bias, .. } => {
                Self::Dense(DenseLayer::new(weight, bias.as_deref(), placement))
            }
            Op::Activation(activation, _) => Self::Activation(*activation),
            Op::Softmax(input) => {
                let classes = shape(input).last().expect("checked by shape inference");
                Self::Softmax {
                    classes,
                    compute: placement.compute,
                }
            }
            Op::Arithmetic {
                kind,
                input,
                constant,
                constant_first,
            } => Self::Arithmetic {
                kind: *kind,
                constant: broadcast(constant, &shape(input), &placement.device),
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

    /// Every operation but the LSTM, which has more than tensors.
    pub(super) fn run(&self, mut inputs: Vec<Tensor<3>>) -> Tensor<3> {
        if let Self::Concat { shapes, axis } = self {
            let axes = inputs
                .into_iter()
                .zip(shapes)
                .map(|(input, shape)| unfold(input, shape));
            return fold(Tensor::cat(axes.collect(), *axis), &shapes[0]);
        }
        let input = inputs.pop().expect("every other operation has one input");
        match self {
            Self::Activation(activation) => apply(*activation, input),
            Self::Dense(layer) => layer.run(input),
            Self::Softmax { classes, compute } => softmax(input, *classes, *compute),
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

fn softmax(input: Tensor<3>, classes: usize, compute: Compute) -> Tensor<3> {
    match compute {
        Compute::Kernels(instruction_set) => Tensor::from_dispatch(Dispatch::fused_softmax(
            input.into_dispatch(),
            classes,
            instruction_set,
        )),
        Compute::Tensors => {
            let dims = input.dims();
            let lines = dims.iter().product::<usize>() / classes;
            activation::softmax(input.reshape([lines, classes]), 1).reshape(dims)
        }
    }
}
