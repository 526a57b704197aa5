//! The dense layer.

use crate::{
    InstructionSet, KernelError,
    error::{expect_len, expect_some},
    product::Product,
    simd::{Kernel, Simd},
    tile::Panels,
};

/// What a dense layer applies to its sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    None,
    /// `max(0, x)`; NaN stays NaN.
    Relu,
    /// The hyperbolic tangent.
    Tanh,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
}

/// The weights of a dense layer, packed for one instruction set.
#[derive(Debug, Clone)]
pub struct PackedDense {
    inputs: usize,
    outputs: usize,
    weights: Panels,
    instruction_set: InstructionSet,
}

impl PackedDense {
    /// Packs `weight`, `[inputs, outputs]`, and `bias`, `[outputs]`.
    ///
    /// # Errors
    /// A slice whose length doesn't fit the shape, a size of zero, an instruction set
    /// that this processor lacks.
    pub fn new(
        inputs: usize,
        outputs: usize,
        weight: &[f32],
        bias: &[f32],
        instruction_set: InstructionSet,
    ) -> Result<Self, KernelError> {
        instruction_set.require()?;
        expect_some("inputs", inputs)?;
        expect_some("outputs", outputs)?;
        expect_len("weight [inputs, outputs]", weight, &[inputs, outputs])?;
        expect_len("bias [outputs]", bias, &[outputs])?;
        let weights = Panels::pack_matrix(
            instruction_set.lanes(),
            [inputs, outputs],
            |column| bias[column],
            |k, column| weight[k * outputs + column],
        );
        Ok(Self {
            inputs,
            outputs,
            weights,
            instruction_set,
        })
    }

    /// Values of a row of the input.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Values of a row of the output.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// The instruction set that the weights are packed for.
    #[must_use]
    pub fn instruction_set(&self) -> InstructionSet {
        self.instruction_set
    }

    /// `y = activation(x·weight + bias)`: `x` is `[rows, inputs]`, `y` is
    /// `[rows, outputs]`.
    ///
    /// # Errors
    /// A slice whose length doesn't fit the shape.
    pub fn run(
        &self,
        rows: usize,
        x: &[f32],
        y: &mut [f32],
        activation: Activation,
    ) -> Result<(), KernelError> {
        expect_len("x [rows, inputs]", x, &[rows, self.inputs])?;
        expect_len("y [rows, outputs]", y, &[rows, self.outputs])?;
        self.instruction_set.run(Dense {
            rows,
            product: Product {
                weights: &self.weights,
                values: x,
                depth: self.inputs,
                target: y,
                stride: self.outputs,
                columns: self.outputs,
                activation,
            },
        });
        Ok(())
    }
}

struct Dense<'a> {
    rows: usize,
    product: Product<'a>,
}

impl Kernel for Dense<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        self.product.run(simd, self.rows);
    }
}
