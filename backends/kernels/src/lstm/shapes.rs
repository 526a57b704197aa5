//! What goes into a layer and what comes out.

use std::{iter, ops::Range};

use crate::{
    KernelError,
    error::{expect_len, expect_some},
};

/// The weights of an LSTM layer as ONNX orders them: gates input, output, forget, cell.
#[derive(Debug, Clone, Copy)]
pub struct LstmWeights<'a> {
    /// Values of a step.
    pub width: usize,
    /// Hidden units.
    pub hidden: usize,
    /// Of the input, `[4·hidden, width]`.
    pub w: &'a [f32],
    /// Of the state before, `[4·hidden, hidden]`.
    pub r: &'a [f32],
    /// The bias, `[4·hidden]`: the sum of ONNX's two halves.
    pub b: &'a [f32],
}

impl LstmWeights<'_> {
    pub(crate) fn check(&self) -> Result<(), KernelError> {
        expect_some("width", self.width)?;
        expect_some("hidden", self.hidden)?;
        let Self { width, hidden, .. } = *self;
        expect_len("w [4·hidden, width]", self.w, &[4, hidden, width])?;
        expect_len("r [4·hidden, hidden]", self.r, &[4, hidden, hidden])?;
        expect_len("b [4·hidden]", self.b, &[4, hidden])
    }
}

/// What a layer runs on.
#[derive(Debug, Clone, Copy)]
pub struct LstmInputs<'a> {
    /// `[steps, rows, width]`.
    pub x: &'a [f32],
    /// Steps of `x`.
    pub steps: usize,
    /// Rows of `x`.
    pub rows: usize,
    /// Steps of each row that count, `[rows]`; all of them without it. The state of a
    /// row stays where its last valid step left it.
    pub valid_steps: Option<&'a [usize]>,
    /// The hidden state to start from, `[rows, hidden]`; zeros without it.
    pub h0: Option<&'a [f32]>,
    /// The cell state to start from, `[rows, hidden]`; zeros without it.
    pub c0: Option<&'a [f32]>,
}

impl LstmInputs<'_> {
    pub(crate) fn check(&self, width: usize, hidden: usize) -> Result<(), KernelError> {
        let state = [self.rows, hidden];
        expect_len(
            "x [steps, rows, width]",
            self.x,
            &[self.steps, self.rows, width],
        )?;
        self.valid_steps.map_or(Ok(()), |valid| {
            expect_len("valid_steps [rows]", valid, &[self.rows])
        })?;
        self.h0
            .map_or(Ok(()), |h| expect_len("h0 [rows, hidden]", h, &state))?;
        self.c0
            .map_or(Ok(()), |c| expect_len("c0 [rows, hidden]", c, &state))
    }

    /// Whether a step of a row counts.
    #[inline(always)]
    pub(crate) fn is_valid(&self, step: usize, row: usize) -> bool {
        self.valid_steps.is_none_or(|valid| step < valid[row])
    }

    /// The lines of `[steps, rows]` that count, in ranges without a gap.
    pub(crate) fn valid_lines(self) -> impl Iterator<Item = Range<usize>> {
        let lines = self.steps * self.rows;
        let mut next = 0;
        iter::from_fn(move || {
            let is_valid = |line: &usize| self.is_valid(line / self.rows, line % self.rows);
            let start = (next..lines).find(is_valid)?;
            next = (start..lines).find(|line| !is_valid(line)).unwrap_or(lines);
            Some(start..next)
        })
    }
}

/// What a layer writes.
#[derive(Debug)]
pub struct LstmOutputs<'a> {
    /// The last hidden state, `[rows, hidden]`.
    pub h: &'a mut [f32],
    /// The last cell state, `[rows, hidden]`.
    pub c: &'a mut [f32],
    /// The hidden state after every step, `[steps, rows, hidden]`: zeros after a row's
    /// last valid step.
    pub all: Option<&'a mut [f32]>,
}

impl LstmOutputs<'_> {
    pub(crate) fn check(&self, inputs: &LstmInputs<'_>, hidden: usize) -> Result<(), KernelError> {
        let state = [inputs.rows, hidden];
        expect_len("h [rows, hidden]", self.h, &state)?;
        expect_len("c [rows, hidden]", self.c, &state)?;
        self.all.as_deref().map_or(Ok(()), |all| {
            let shape = [inputs.steps, inputs.rows, hidden];
            expect_len("all [steps, rows, hidden]", all, &shape)
        })
    }
}

/// The gradients of a loss by what the layer wrote; absent ones are zeros.
#[derive(Debug, Clone, Copy, Default)]
pub struct LstmUpstream<'a> {
    /// By the last hidden state, `[rows, hidden]`.
    pub h: Option<&'a [f32]>,
    /// By the last cell state, `[rows, hidden]`.
    pub c: Option<&'a [f32]>,
    /// By the hidden state after every step, `[steps, rows, hidden]`.
    pub all: Option<&'a [f32]>,
}

impl LstmUpstream<'_> {
    pub(crate) fn check(&self, inputs: &LstmInputs<'_>, hidden: usize) -> Result<(), KernelError> {
        let state = [inputs.rows, hidden];
        self.h.map_or(Ok(()), |h| {
            expect_len("upstream h [rows, hidden]", h, &state)
        })?;
        self.c.map_or(Ok(()), |c| {
            expect_len("upstream c [rows, hidden]", c, &state)
        })?;
        self.all.map_or(Ok(()), |all| {
            let shape = [inputs.steps, inputs.rows, hidden];
            expect_len("upstream all [steps, rows, hidden]", all, &shape)
        })
    }
}

/// Where the gradients of a loss by what went into the layer are written: overwritten,
/// not added to. Only those that are asked for are computed.
#[derive(Debug, Default)]
pub struct LstmGradients<'a> {
    /// `[steps, rows, width]`.
    pub x: Option<&'a mut [f32]>,
    /// `[4·hidden, width]`.
    pub w: Option<&'a mut [f32]>,
    /// `[4·hidden, hidden]`.
    pub r: Option<&'a mut [f32]>,
    /// `[4·hidden]`.
    pub b: Option<&'a mut [f32]>,
    /// `[rows, hidden]`.
    pub h0: Option<&'a mut [f32]>,
    /// `[rows, hidden]`.
    pub c0: Option<&'a mut [f32]>,
}

impl LstmGradients<'_> {
    pub(crate) fn check(
        &self,
        inputs: &LstmInputs<'_>,
        width: usize,
        hidden: usize,
    ) -> Result<(), KernelError> {
        let LstmInputs { steps, rows, .. } = *inputs;
        let wanted: [(_, _, &[usize]); 6] = [
            (
                "gradient x [steps, rows, width]",
                &self.x,
                &[steps, rows, width],
            ),
            ("gradient w [4·hidden, width]", &self.w, &[4, hidden, width]),
            (
                "gradient r [4·hidden, hidden]",
                &self.r,
                &[4, hidden, hidden],
            ),
            ("gradient b [4·hidden]", &self.b, &[4, hidden]),
            ("gradient h0 [rows, hidden]", &self.h0, &[rows, hidden]),
            ("gradient c0 [rows, hidden]", &self.c0, &[rows, hidden]),
        ];
        wanted.into_iter().try_for_each(|(name, values, shape)| {
            values
                .as_deref()
                .map_or(Ok(()), |values| expect_len(name, values, shape))
        })
    }
}
