//! The dense layer.

use burn::backend::Dispatch;
use burn::tensor::{Tensor, TensorData, activation};
use ser_graph::{Activation, Constant};
use ser_kernels::PackedDense;

use crate::{
    fused::FusedOps as _,
    placement::{Compute, Placement},
};

/// A dense layer with the activation behind it, if any.
#[derive(Debug)]
pub(crate) struct DenseLayer {
    inputs: usize,
    outputs: usize,
    weights: Weights,
    activation: Option<Activation>,
}

#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one a layer, and it isn't moved"
)]
enum Weights {
    Packed(PackedDense),
    Tensors {
        /// `[inputs, outputs]`.
        weight: Tensor<2>,
        /// `[1, outputs]`.
        bias: Tensor<2>,
    },
}

impl DenseLayer {
    /// A layer without activation: `weight` is `[inputs, outputs]`; the bias is zero
    /// without one.
    pub(crate) fn new(weight: &Constant, bias: Option<&[f32]>, placement: &Placement) -> Self {
        let (inputs, outputs) = (weight.dims[0], weight.dims[1]);
        let bias = bias.map_or_else(|| vec![0.0; outputs], <[f32]>::to_vec);
        let weights = match placement.compute {
            Compute::Kernels(instruction_set) => {
                let packed =
                    PackedDense::new(inputs, outputs, &weight.values, &bias, instruction_set);
                Weights::Packed(
                    packed.expect("the graph checked the sizes, the placement the processor"),
                )
            }
            Compute::Tensors => {
                let tensor = |values: Vec<f32>, rows: usize| {
                    Tensor::from_data(TensorData::new(values, [rows, outputs]), &placement.device)
                };
                Weights::Tensors {
                    weight: tensor(weight.values.clone(), inputs),
                    bias: tensor(bias, 1),
                }
            }
        };
        Self {
            inputs,
            outputs,
            weights,
            activation: None,
        }
    }

    /// Puts an activation behind the layer, unless there is one already.
    pub(crate) fn absorb(&mut self, activation: Activation) -> bool {
        let free = self.activation.is_none();
        if free {
            self.activation = Some(activation);
        }
        free
    }

    /// `[before, rows, after]`: a line holds the layer's inputs.
    pub(crate) fn run(&self, input: Tensor<3>) -> Tensor<3> {
        match &self.weights {
            Weights::Packed(layer) => {
                let activation = match self.activation {
                    None => ser_kernels::Activation::None,
                    Some(Activation::Relu) => ser_kernels::Activation::Relu,
                    Some(Activation::Tanh) => ser_kernels::Activation::Tanh,
                    Some(Activation::Sigmoid) => ser_kernels::Activation::Sigmoid,
                };
                let output = Dispatch::fused_dense(input.into_dispatch(), layer, activation);
                Tensor::from_dispatch(output)
            }
            Weights::Tensors { weight, bias } => {
                let [before, rows, after] = input.dims();
                let lines = before * rows * after / self.inputs;
                let sums = input.reshape([lines, self.inputs]).matmul(weight.clone());
                let output = (sums + bias.clone()).reshape([
                    before,
                    rows,
                    after / self.inputs * self.outputs,
                ]);
                match self.activation {
                    None => output,
                    Some(activation) => apply(activation, output),
                }
            }
        }
    }
}

/// An activation on its own.
pub(crate) fn apply(activation: Activation, values: Tensor<3>) -> Tensor<3> {
    match activation {
        Activation::Relu => activation::relu(values),
        Activation::Tanh => values.tanh(),
        Activation::Sigmoid => activation::sigmoid(values),
    }
}
