//! The forward pass.

use super::{LstmInputs, LstmOutputs, SavedSteps, cell, pack::GatePanels};
use crate::{
    scratch::Scratch,
    simd::{Kernel, Simd},
    tile::{self, Lines, Rows, Sums, Tiles, VECTORS},
};

/// Lines of gates that the projection of the input is ahead of the recurrence by: more
/// would leave the processor's nearest caches.
const PROJECTED_LINES: usize = 24;

/// All steps of all rows.
pub(super) struct Forward<'a> {
    pub(super) weights: &'a GatePanels,
    pub(super) inputs: LstmInputs<'a>,
    pub(super) outputs: LstmOutputs<'a>,
    pub(super) scratch: &'a mut Scratch,
    /// What the backward pass needs.
    pub(super) saved: Option<&'a mut SavedSteps>,
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let inputs = self.inputs;
        self.start();
        self.scratch.sums.resize(S::TILE_ROWS * VECTORS * S::LANES);
        let hoisted = hoists::<S>(self.weights.width, inputs.rows);
        let ahead = (PROJECTED_LINES / inputs.rows.max(1)).max(1);
        for step in 0..inputs.steps {
            if hoisted && step % ahead == 0 {
                self.project(simd, step..inputs.steps.min(step + ahead));
            }
            let step_len = inputs.rows * self.weights.width;
            let gates_len = inputs.rows * self.weights.line_len();
            let projected = &self.scratch.projected;
            Step {
                weights: self.weights,
                index: step,
                inputs,
                x: &inputs.x[step * step_len..][..step_len],
                projected: hoisted.then(|| &projected[step % ahead * gates_len..][..gates_len]),
                h: &self.scratch.h,
                next_h: &mut self.scratch.next_h,
                c: &mut self.scratch.c,
                gates: self.saved.as_deref_mut().map(|saved| saved.gates_mut(step)),
                sums: &mut self.scratch.sums,
                block: 0,
            }
            .run(simd);
            std::mem::swap(&mut self.scratch.h, &mut self.scratch.next_h);
            self.keep(step);
        }
        self.finish();
    }
}

/// Whether the input's part of the gates is worth a product of its own, ahead of the
/// time loop. It is while a step has too few rows to use the weights more than once. Where
/// a step has many rows, or a row few values, adding it to the sums in the registers
/// beats writing it to memory and reading it again. The bits are the same.
#[inline(always)]
fn hoists<S: Simd>(width: usize, rows: usize) -> bool {
    width > 2 && rows < S::TILE_ROWS
}

impl Forward<'_> {
    /// Sets the states of before the first step.
    fn start(&mut self) {
        let (hidden, padded) = (self.weights.hidden, self.weights.padded_hidden());
        let LstmInputs { rows, h0, c0, .. } = self.inputs;
        let Scratch { h, next_h, c, .. } = &mut *self.scratch;
        next_h.resize(rows * padded);
        for (target, state) in [(h, h0), (c, c0)] {
            target.resize(rows * padded);
            target.fill(0.0);
            let Some(state) = state else { continue };
            for (target, state) in target
                .chunks_exact_mut(padded)
                .zip(state.chunks_exact(hidden))
            {
                target[..hidden].copy_from_slice(state);
            }
        }
        if let Some(saved) = self.saved.as_deref_mut() {
            saved.keep_states(0, &self.scratch.h, &self.scratch.c);
        }
    }

    /// The input's part of the gates of some steps.
    #[inline(always)]
    fn project<S: Simd>(&mut self, simd: S, steps: std::ops::Range<usize>) {
        let (width, rows) = (self.weights.width, self.inputs.rows);
        let lines = steps.len() * rows;
        let x = &self.inputs.x[steps.start * rows * width..][..lines * width];
        self.scratch
            .projected
            .resize(lines * self.weights.line_len());
        for block in 0..self.weights.blocks() {
            Projection {
                weights: self.weights,
                block,
                x,
                target: &mut self.scratch.projected,
            }
            .run_tiles(simd, lines);
        }
    }

    /// Copies the states after a step to where they are wanted.
    fn keep(&mut self, step: usize) {
        let (hidden, padded) = (self.weights.hidden, self.weights.padded_hidden());
        let LstmInputs { rows, .. } = self.inputs;
        if let Some(all) = self.outputs.all.as_deref_mut() {
            let all = &mut all[step * rows * hidden..][..rows * hidden];
            let lines = all
                .chunks_exact_mut(hidden)
                .zip(self.scratch.h.chunks_exact(padded));
            for (row, (target, h)) in lines.enumerate() {
                if self.inputs.is_valid(step, row) {
                    target.copy_from_slice(&h[..hidden]);
                } else {
                    target.fill(0.0);
                }
            }
        }
        if let Some(saved) = self.saved.as_deref_mut() {
            saved.keep_states(step + 1, &self.scratch.h, &self.scratch.c);
        }
    }

    fn finish(self) {
        let (hidden, padded) = (self.weights.hidden, self.weights.padded_hidden());
        let LstmOutputs { h, c, .. } = self.outputs;
        for (target, state) in [(h, &self.scratch.h), (c, &self.scratch.c)] {
            for (target, state) in target
                .chunks_exact_mut(hidden)
                .zip(state.chunks_exact(padded))
            {
                target.copy_from_slice(&state[..hidden]);
            }
        }
    }
}

/// A block's part of the product that is ahead of the time loop.
struct Projection<'a> {
    weights: &'a GatePanels,
    block: usize,
    /// `[lines, width]`.
    x: &'a [f32],
    /// `[lines, blocks, 4 gates, lanes]`.
    target: &'a mut [f32],
}

impl Tiles for Projection<'_> {
    #[inline(always)]
    fn tile<S: Simd, const ROWS: usize>(&mut self, simd: S, row: usize) {
        let (width, line_len) = (self.weights.width, self.weights.line_len());
        let panel = self.weights.panel(self.block);
        let mut sums = [tile::resume::<S, ROWS>(simd, panel.bias, 0)];
        let rows = Rows {
            values: &self.x[row * width..],
            stride: width,
            step: 1,
        };
        tile::accumulate(simd, &mut sums, rows, [panel.input], width);
        let [sums] = sums;
        let at = row * line_len + self.block * VECTORS * S::LANES;
        tile::keep(simd, sums, &mut self.target[at..], line_len);
    }
}

/// One step of all rows.
struct Step<'a> {
    weights: &'a GatePanels,
    index: usize,
    inputs: LstmInputs<'a>,
    /// `[rows, width]`.
    x: &'a [f32],
    /// Biases and input's part of the gates, `[rows, blocks, 4 gates, lanes]`, where they
    /// are hoisted.
    projected: Option<&'a [f32]>,
    /// `[rows, padded hidden]`.
    h: &'a [f32],
    /// `[rows, padded hidden]`.
    next_h: &'a mut [f32],
    /// `[rows, padded hidden]`.
    c: &'a mut [f32],
    /// Where the opened gates go, `[rows, blocks, 4 gates, lanes]`.
    gates: Option<&'a mut [f32]>,
    /// The sums of a tile, `[rows, 4 gates, lanes]`.
    sums: &'a mut [f32],
    /// The block, or the first of the blocks, that is being worked on.
    block: usize,
}

impl Tiles for Step<'_> {
    #[inline(always)]
    fn tile<S: Simd, const ROWS: usize>(&mut self, simd: S, row: usize) {
        self.panels::<S, ROWS, 1>(simd, row);
    }
}

impl Step<'_> {
    #[inline(always)]
    fn run<S: Simd>(&mut self, simd: S) {
        let (rows, blocks) = (self.inputs.rows, self.weights.blocks());
        let mut done = 0;
        while done < blocks {
            let swaps = done == 0 || done + 1 == blocks;
            let panels = match blocks - 1 - done {
                left if rows == 1 && !swaps && left >= S::SINGLE_ROW_PANELS => S::SINGLE_ROW_PANELS,
                _ => 1,
            };
            self.block = self.nth_block(done);
            match panels {
                4 => self.panels::<S, 1, 4>(simd, 0),
                2 => self.panels::<S, 1, 2>(simd, 0),
                _ => self.run_tiles(simd, rows),
            }
            done += panels;
        }
    }

    /// The block to come after `done` others. The last two swap places from step to step
    /// and the one goes first: a step starts with the weights that the one before
    /// ended with, which still are in the nearest cache. (Starting with the block of the
    /// first units would wait for their states.)
    fn nth_block(&self, done: usize) -> usize {
        let blocks = self.weights.blocks();
        let swap = self.index % 2;
        match done {
            _ if blocks == 1 => 0,
            0 => blocks - 2 + swap,
            _ if done == blocks - 1 => blocks - 1 - swap,
            _ => done - 1,
        }
    }

    #[inline(always)]
    fn panels<S: Simd, const ROWS: usize, const PANELS: usize>(&mut self, simd: S, row: usize) {
        let block = self.block;
        let (width, hidden) = (self.weights.width, self.weights.hidden);
        let padded = self.weights.padded_hidden();
        let mut sums = [[[simd.splat(0.0); VECTORS]; ROWS]; PANELS];
        let mut input = [Lines::EMPTY; PANELS];
        let mut recurrent = [Lines::EMPTY; PANELS];
        for p in 0..PANELS {
            let panel = self.weights.panel(block + p);
            (input[p], recurrent[p]) = (panel.input, panel.recurrent);
            // One line of biases for all rows, or a line of its own for each.
            let (start, stride) = match self.projected {
                None => (panel.bias, 0),
                Some(projected) => {
                    let line_len = self.weights.line_len();
                    let at = row * line_len + (block + p) * VECTORS * S::LANES;
                    (&projected[at..], line_len)
                }
            };
            sums[p] = tile::resume(simd, start, stride);
        }
        let depth = if self.projected.is_none() { width } else { 0 };
        let rows = Rows {
            values: &self.x[row * width..],
            stride: width,
            step: 1,
        };
        tile::accumulate(simd, &mut sums, rows, input, depth);
        let rows = Rows {
            values: &self.h[row * padded..],
            stride: padded,
            step: 1,
        };
        tile::accumulate(simd, &mut sums, rows, recurrent, hidden);
        for (p, sums) in sums.into_iter().enumerate() {
            if ROWS == 1 {
                self.advance(simd, [sums[0]], block + p, row);
                continue;
            }
            // Through memory: indexed by a loop, the sums would live there all along.
            let line_len = VECTORS * S::LANES;
            tile::keep(simd, sums, self.sums, line_len);
            for r in (0..ROWS - 1).step_by(2) {
                let sums = tile::resume::<S, 2>(simd, &self.sums[r * line_len..], line_len);
                self.advance(simd, sums, block + p, row + r);
            }
            if ROWS % 2 == 1 {
                let last = ROWS - 1;
                let sums = tile::resume::<S, 1>(simd, &self.sums[last * line_len..], line_len);
                self.advance(simd, sums, block + p, row + last);
            }
        }
    }

    /// Turns the sums of a block of `N` rows into their next states.
    #[inline(always)]
    fn advance<S: Simd, const N: usize>(
        &mut self,
        simd: S,
        sums: Sums<S, N>,
        block: usize,
        row: usize,
    ) {
        let padded = self.weights.padded_hidden();
        let at = row * padded + block * S::LANES;
        let mut c = [simd.splat(0.0); N];
        for (n, c) in c.iter_mut().enumerate() {
            *c = simd.load(&self.c[at + n * padded..]);
        }
        let h = match self.gates.as_deref_mut() {
            None => cell::advance(simd, sums, &mut c),
            Some(gates) => {
                let (opened, h) = cell::advance_open(simd, sums, &mut c);
                let gates_len = self.weights.line_len();
                let at = row * gates_len + block * VECTORS * S::LANES;
                tile::keep(simd, opened, &mut gates[at..], gates_len);
                h
            }
        };
        for n in 0..N {
            let at = at + n * padded;
            if self.inputs.is_valid(self.index, row + n) {
                simd.store(&mut self.c[at..], c[n]);
                simd.store(&mut self.next_h[at..], h[n]);
            } else {
                simd.store(&mut self.next_h[at..], simd.load(&self.h[at..]));
            }
        }
    }
}
