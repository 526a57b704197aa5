//! What the forward pass keeps for the backward pass.

use super::LstmInputs;
use crate::{KernelError, aligned::Aligned, error::expect_len};

/// What [`TrainingLstm::forward`](super::TrainingLstm::forward) keeps for
/// [`TrainingLstm::backward`](super::TrainingLstm::backward): the opened gates and the states
/// of every step.
#[derive(Debug, Clone)]
pub struct SavedSteps {
    steps: usize,
    rows: usize,
    /// With the units that fill the last block.
    padded: usize,
    /// `[steps, rows, blocks, 4 gates, lanes]`.
    gates: Aligned,
    /// `[1 + steps, rows, padded hidden]`.
    h: Aligned,
    /// `[1 + steps, rows, padded hidden]`.
    c: Aligned,
}

impl SavedSteps {
    pub(super) fn zeros(steps: usize, rows: usize, padded: usize) -> Self {
        Self {
            steps,
            rows,
            padded,
            gates: Aligned::zeros(steps * rows * 4 * padded),
            h: Aligned::zeros((1 + steps) * rows * padded),
            c: Aligned::zeros((1 + steps) * rows * padded),
        }
    }

    fn state(&self, step: usize) -> std::ops::Range<usize> {
        let len = self.rows * self.padded;
        step * len..(step + 1) * len
    }

    pub(super) fn keep_states(&mut self, step: usize, h: &[f32], c: &[f32]) {
        let state = self.state(step);
        self.h[state.clone()].copy_from_slice(h);
        self.c[state].copy_from_slice(c);
    }

    pub(super) fn gates_mut(&mut self, step: usize) -> &mut [f32] {
        let len = self.rows * 4 * self.padded;
        &mut self.gates[step * len..][..len]
    }

    pub(super) fn gates(&self, step: usize) -> &[f32] {
        let len = self.rows * 4 * self.padded;
        &self.gates[step * len..][..len]
    }

    /// The hidden states before each step, `[steps, rows, padded hidden]`.
    pub(super) fn hidden_before(&self) -> &[f32] {
        &self.h[..self.steps * self.rows * self.padded]
    }

    /// The cell states before a step, which are those after the one before.
    pub(super) fn cells_before(&self, step: usize) -> &[f32] {
        &self.c[self.state(step)]
    }

    /// Refuses steps that another call saved.
    pub(super) fn check(&self, inputs: &LstmInputs<'_>, padded: usize) -> Result<(), KernelError> {
        expect_len(
            "saved [steps, rows, 4·padded hidden]",
            &self.gates,
            &[inputs.steps, inputs.rows, 4, padded],
        )?;
        expect_len(
            "saved [1 + steps, rows, padded hidden]",
            &self.h,
            &[1 + inputs.steps, inputs.rows, padded],
        )
    }
}
