//! Functions of slices.

use crate::{
    InstructionSet, KernelError,
    error::{expect_len, expect_some},
    math,
    product::{load_part, store_part},
    simd::{Kernel, Simd},
};

/// `exp(x)` of each value, in place: within `(2 + |x|)·1.2e-7` of it, relatively, where it
/// is a normal number; where it is less than the least of these, so is the result, or equal.
///
/// # Errors
/// An instruction set that this processor lacks.
pub fn exp(values: &mut [f32], instruction_set: InstructionSet) -> Result<(), KernelError> {
    map(values, Function::Exp, instruction_set)
}

/// `1 / (1 + exp(-x))` of each value, in place: within 1.5e-7 of it.
///
/// # Errors
/// An instruction set that this processor lacks.
pub fn sigmoid(values: &mut [f32], instruction_set: InstructionSet) -> Result<(), KernelError> {
    map(values, Function::Sigmoid, instruction_set)
}

/// The hyperbolic tangent of each value, in place: within 2.5e-7 of it.
///
/// # Errors
/// An instruction set that this processor lacks.
pub fn tanh(values: &mut [f32], instruction_set: InstructionSet) -> Result<(), KernelError> {
    map(values, Function::Tanh, instruction_set)
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
    instruction_set.require()?;
    expect_some("width", width)?;
    let rows = values.len() / width;
    expect_len("values [rows, width]", values, &[rows, width])?;
    instruction_set.run(Softmax { values, width });
    Ok(())
}

fn map(
    values: &mut [f32],
    function: Function,
    instruction_set: InstructionSet,
) -> Result<(), KernelError> {
    instruction_set.require()?;
    instruction_set.run(Map { values, function });
    Ok(())
}

#[derive(Clone, Copy)]
enum Function {
    Exp,
    Sigmoid,
    Tanh,
}

struct Map<'a> {
    values: &'a mut [f32],
    function: Function,
}

impl Kernel for Map<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for values in self.values.chunks_mut(S::LANES) {
            let x = load_part(simd, values, 0.0);
            let y = match self.function {
                Function::Exp => math::exp(simd, x),
                Function::Sigmoid => math::sigmoid(simd, x),
                Function::Tanh => math::tanh(simd, x),
            };
            store_part(simd, values, y);
        }
    }
}

struct Softmax<'a> {
    values: &'a mut [f32],
    width: usize,
}

impl Kernel for Softmax<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for row in self.values.chunks_exact_mut(self.width) {
            let greatest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let mut sum = 0.0;
            for values in row.chunks_mut(S::LANES) {
                let x = load_part(simd, values, 0.0);
                let power = math::exp(simd, simd.sub(x, simd.splat(greatest)));
                store_part(simd, values, power);
                sum += values.iter().sum::<f32>();
            }
            for value in row {
                *value /= sum;
            }
        }
    }
}
