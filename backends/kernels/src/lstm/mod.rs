//! The LSTM layer, forward in time:
//!
//! ```text
//! i, o, f = sigmoid(x·Wᵀ + h·Rᵀ + b)      g = tanh(x·Wᵀ + h·Rᵀ + b)
//! c' = f·c + i·g                          h' = o·tanh(c')
//! ```

mod forward;
mod pack;
mod plain;
mod shapes;

pub use shapes::{LstmGradients, LstmInputs, LstmOutputs, LstmUpstream, LstmWeights};

use crate::{InstructionSet, KernelError, Scratch};

/// The weights of an LSTM layer, packed for one instruction set.
#[derive(Debug, Clone)]
pub struct PackedLstm {
    plain: plain::Plain,
    blocks: pack::GateBlocks,
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
        weights.check()?;
        if !instruction_set.is_available() {
            return Err(KernelError::Unavailable { instruction_set });
        }
        Ok(Self {
            plain: plain::Plain::new(weights),
            blocks: pack::GateBlocks::new(weights, instruction_set.lanes()),
            instruction_set,
        })
    }

    /// Values of a step.
    #[must_use]
    pub fn width(&self) -> usize {
        self.plain.width
    }

    /// Hidden units.
    #[must_use]
    pub fn hidden(&self) -> usize {
        self.plain.hidden
    }

    /// The instruction set that the weights are packed for.
    #[must_use]
    pub fn instruction_set(&self) -> InstructionSet {
        self.instruction_set
    }

    /// temp
    pub fn fast(&self, scratch: &mut Scratch, inputs: LstmInputs<'_>, outputs: LstmOutputs<'_>) {
        self.instruction_set.run(forward::Forward { weights: &self.blocks, inputs, outputs, scratch });
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
        inputs.check(self.width(), self.hidden())?;
        outputs.check(&inputs, self.hidden())?;
        if inputs.valid_steps.is_none() && inputs.h0.is_none() && inputs.c0.is_none() && outputs.all.is_none() {
            self.fast(scratch, inputs, outputs);
        } else {
            self.plain.forward(inputs, outputs);
        }
        Ok(())
    }
}

/// What [`TrainingLstm::forward`] keeps for [`TrainingLstm::backward`]: the opened gates,
/// the cell states and the hidden states of every step.
#[derive(Debug, Clone)]
pub struct SavedSteps {
    steps: Vec<plain::Step>,
}

/// An LSTM layer that can be trained: packed for both directions.
#[derive(Debug, Clone)]
pub struct TrainingLstm {
    forward: PackedLstm,
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
        })
    }

    /// Runs all steps of all rows, and keeps what the backward pass needs.
    ///
    /// # Errors
    /// As [`PackedLstm::run`].
    pub fn forward(
        &self,
        _scratch: &mut Scratch,
        inputs: LstmInputs<'_>,
        outputs: LstmOutputs<'_>,
    ) -> Result<SavedSteps, KernelError> {
        inputs.check(self.forward.width(), self.forward.hidden())?;
        outputs.check(&inputs, self.forward.hidden())?;
        let steps = self.forward.plain.forward(inputs, outputs);
        Ok(SavedSteps { steps })
    }

    /// The gradients of a loss by everything that went into [`forward`](Self::forward):
    /// `inputs` are those of that call and `saved` is what it returned.
    ///
    /// # Errors
    /// A slice whose length doesn't fit the shape, or saved steps of another shape.
    pub fn backward(
        &self,
        _scratch: &mut Scratch,
        inputs: LstmInputs<'_>,
        saved: &SavedSteps,
        upstream: LstmUpstream<'_>,
        gradients: LstmGradients<'_>,
    ) -> Result<(), KernelError> {
        let (width, hidden) = (self.forward.width(), self.forward.hidden());
        inputs.check(width, hidden)?;
        upstream.check(&inputs, hidden)?;
        gradients.check(&inputs, width, hidden)?;
        self.forward
            .plain
            .backward(inputs, &saved.steps, upstream, gradients);
        Ok(())
    }
}
