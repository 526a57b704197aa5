//! The dense layer.

use crate::{
    InstructionSet, KernelError,
    error::{expect_len, expect_some},
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
    weight: Vec<f32>,
    bias: Vec<f32>,
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
        expect_some("inputs", inputs)?;
        expect_some("outputs", outputs)?;
        expect_len("weight [inputs, outputs]", weight, inputs * outputs)?;
        expect_len("bias [outputs]", bias, outputs)?;
        if !instruction_set.is_available() {
            return Err(KernelError::Unavailable { instruction_set });
        }
        Ok(Self {
            inputs,
            outputs,
            weight: weight.to_vec(),
            bias: bias.to_vec(),
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
        expect_len("x [rows, inputs]", x, rows * self.inputs)?;
        expect_len("y [rows, outputs]", y, rows * self.outputs)?;
        for (x, y) in x
            .chunks_exact(self.inputs)
            .zip(y.chunks_exact_mut(self.outputs))
        {
            y.copy_from_slice(&self.bias);
            for (x, line) in x.iter().zip(self.weight.chunks_exact(self.outputs)) {
                y.iter_mut()
                    .zip(line)
                    .for_each(|(y, weight)| *y += x * weight);
            }
            for y in y {
                *y = match activation {
                    Activation::None => *y,
                    Activation::Relu => {
                        if *y < 0.0 {
                            0.0
                        } else {
                            *y
                        }
                    }
                    Activation::Tanh => y.tanh(),
                    Activation::Sigmoid => 1.0 / (1.0 + (-*y).exp()),
                };
            }
        }
        Ok(())
    }
}

/// Softmax of each row of `values`, `[rows, width]`, in place.
///
/// # Errors
/// A length that isn't a multiple of the width, a width of zero, an instruction set that
/// this processor lacks.
pub fn softmax(
    values: &mut [f32],
    width: usize,
    instruction_set: InstructionSet,
) -> Result<(), KernelError> {
    expect_some("width", width)?;
    if !instruction_set.is_available() {
        return Err(KernelError::Unavailable { instruction_set });
    }
    expect_len("values [rows, width]", values, values.len() / width * width)?;
    for row in values.chunks_exact_mut(width) {
        let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        row.iter_mut()
            .for_each(|value| *value = (*value - max).exp());
        let sum: f32 = row.iter().sum();
        row.iter_mut().for_each(|value| *value /= sum);
    }
    Ok(())
}
