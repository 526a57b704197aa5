//! The LSTM layer, forward in time:
//!
//! ```text
//! i, o, f = sigmoid(x·Wᵀ + h·Rᵀ + b)      g = tanh(x·Wᵀ + h·Rᵀ + b)
//! c' = f·c + i·g                          h' = o·tanh(c')
//! ```

mod backward;
mod cell;
mod forward;
mod pack;
mod saved;
mod shapes;
#[cfg(test)]
mod tests;

pub use saved::SavedSteps;
pub use shapes::{LstmGradients, LstmInputs, LstmOutputs, LstmUpstream, LstmWeights};

use backward::{Backward, TransposedPanels};
use forward::Forward;
use pack::GatePanels;

use crate::{InstructionSet, KernelError, Scratch};

/// The weights of an LSTM layer, packed for one instruction set.
#[derive(Debug, Clone)]
pub struct PackedLstm {
    panels: GatePanels,
    instruction_set: InstructionSet,
}

impl PackedLstm {
    /// Packs the weights.
    ///
    /// # Errors
    /// A slice whose length doesn't fit the shape, a hidden size or width of zero, an
    /// instruction set that this processor lacks.
    pub fn new(
        weights: LstmWeights<'_>,
        instruction_set: InstructionSet,
    ) -> Result<Self, KernelError> {
        instruction_set.require()?;
        weights.check()?;
        Ok(Self {
            panels: GatePanels::new(weights, instruction_set.lanes()),
            instruction_set,
        })
    }

    /// Values of a step.
    #[must_use]
    pub fn width(&self) -> usize {
        self.panels.width
    }

    /// Hidden units.
    #[must_use]
    pub fn hidden(&self) -> usize {
        self.panels.hidden
    }

    /// The instruction set that the weights are packed for.
    #[must_use]
    pub fn instruction_set(&self) -> InstructionSet {
        self.instruction_set
    }

    /// Runs all steps of all rows.
    ///
    /// # Errors
    /// A slice whose length doesn't fit the shape.
    pub fn run(
        &self,
        scratch: &mut Scratch,
        inputs: LstmInputs<'_>,
        outputs: LstmOutputs<'_>,
    ) -> Result<(), KernelError> {
        self.forward(scratch, inputs, outputs, None)
    }

    fn forward(
        &self,
        scratch: &mut Scratch,
        inputs: LstmInputs<'_>,
        outputs: LstmOutputs<'_>,
        saved: Option<&mut SavedSteps>,
    ) -> Result<(), KernelError> {
        inputs.check(self.width(), self.hidden())?;
        outputs.check(&inputs, self.hidden())?;
        self.instruction_set.run(Forward {
            weights: &self.panels,
            inputs,
            outputs,
            scratch,
            saved,
        });
        Ok(())
    }
}

/// An LSTM layer that can be trained: packed for both directions.
#[derive(Debug, Clone)]
pub struct TrainingLstm {
    forward: PackedLstm,
    transposed: TransposedPanels,
}

impl TrainingLstm {
    /// Packs the weights.
    ///
    /// # Errors
    /// As [`PackedLstm::new`].
    pub fn new(
        weights: LstmWeights<'_>,
        instruction_set: InstructionSet,
    ) -> Result<Self, KernelError> {
        Ok(Self {
            forward: PackedLstm::new(weights, instruction_set)?,
            transposed: TransposedPanels::new(weights, instruction_set.lanes()),
        })
    }

    /// Runs all steps of all rows, and keeps what the backward pass needs. The outputs
    /// differ from those of [`PackedLstm::run`] by rounding only.
    ///
    /// # Errors
    /// As [`PackedLstm::run`].
    pub fn forward(
        &self,
        scratch: &mut Scratch,
        inputs: LstmInputs<'_>,
        outputs: LstmOutputs<'_>,
    ) -> Result<SavedSteps, KernelError> {
        inputs.check(self.forward.width(), self.forward.hidden())?;
        let padded = self.forward.panels.padded_hidden();
        let mut saved = SavedSteps::zeros(inputs.steps, inputs.rows, padded);
        self.forward
            .forward(scratch, inputs, outputs, Some(&mut saved))?;
        Ok(saved)
    }

    /// The gradients of a loss by everything that went into [`forward`](Self::forward):
    /// `inputs` are those of that call and `saved` is what it returned.
    ///
    /// # Errors
    /// A slice whose length doesn't fit the shape, or saved steps of another shape.
    pub fn backward(
        &self,
        scratch: &mut Scratch,
        inputs: LstmInputs<'_>,
        saved: &SavedSteps,
        upstream: LstmUpstream<'_>,
        gradients: LstmGradients<'_>,
    ) -> Result<(), KernelError> {
        let weights = &self.forward.panels;
        let (width, hidden) = (weights.width, weights.hidden);
        inputs.check(width, hidden)?;
        upstream.check(&inputs, hidden)?;
        gradients.check(&inputs, width, hidden)?;
        saved.check(&inputs, weights.padded_hidden())?;
        self.forward.instruction_set.run(Backward {
            weights,
            transposed: &self.transposed,
            inputs,
            saved,
            upstream,
            gradients,
            scratch,
        });
        Ok(())
    }
}
