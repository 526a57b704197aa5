//! The forward pass.

use super::{LstmInputs, LstmOutputs, pack::GateBlocks};
use crate::{
    scratch::Scratch,
    simd::{Kernel, Simd},
    tile::{self, PANEL, Rows},
};

/// All steps of all rows.
pub(crate) struct Forward<'a> {
    pub(crate) weights: &'a GateBlocks,
    pub(crate) inputs: LstmInputs<'a>,
    pub(crate) outputs: LstmOutputs<'a>,
    pub(crate) scratch: &'a mut Scratch,
}

/// The states between two steps, `[rows, padded hidden]`.
struct Step<'a> {
    weights: &'a GateBlocks,
    /// `[rows, width]`.
    x: &'a [f32],
    rows: usize,
    h: &'a [f32],
    next_h: &'a mut [f32],
    c: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self {
            weights,
            inputs,
            outputs,
            scratch,
        } = self;
        let (hidden, padded) = (weights.hidden, weights.padded_hidden());
        let state = inputs.rows * padded;
        for buffer in [&mut scratch.h, &mut scratch.next_h, &mut scratch.c] {
            buffer.resize(state);
            buffer.fill(0.0);
        }
        let step_len = inputs.rows * weights.width;
        for step in 0..inputs.steps {
            Step {
                weights,
                x: &inputs.x[step * step_len..][..step_len],
                rows: inputs.rows,
                h: &scratch.h,
                next_h: &mut scratch.next_h,
                c: &mut scratch.c,
            }
            .run(simd, step % 2 == 1);
            std::mem::swap(&mut scratch.h, &mut scratch.next_h);
        }
        for row in 0..inputs.rows {
            outputs.h[row * hidden..][..hidden].copy_from_slice(&scratch.h[row * padded..][..hidden]);
            outputs.c[row * hidden..][..hidden].copy_from_slice(&scratch.c[row * padded..][..hidden]);
        }
    }
}

impl Step<'_> {
    #[inline(always)]
    fn run<S: Simd>(&mut self, simd: S, backwards: bool) {
        let groups = self.rows.div_ceil(S::TILE_ROWS);
        let panels = match self.rows {
            1 => P1,
            2 => P2,
            3 => P3,
            _ => 1,
        };
        let count = self.weights.count();
        let mut done = 0;
        while done < count {
            let panels = if count - done >= panels { panels } else { 1 };
            let block = if backwards { count - done - panels } else { done };
            done += panels;
            let mut row = 0;
            for group in 0..groups {
                let rows = (self.rows - row).div_ceil(groups - group);
                match (rows, panels) {
                    (1, P1) => self.tile::<S, 1, P1>(simd, block, row),
                    (1, _) => self.tile::<S, 1, 1>(simd, block, row),
                    (2, P2) => self.tile::<S, 2, P2>(simd, block, row),
                    (2, _) => self.tile::<S, 2, 1>(simd, block, row),
                    (3, P3) => self.tile::<S, 3, P3>(simd, block, row),
                    (3, _) => self.tile::<S, 3, 1>(simd, block, row),
                    (4, _) => self.tile::<S, 4, 1>(simd, block, row),
                    (5, _) => self.tile::<S, 5, 1>(simd, block, row),
                    _ => self.tile::<S, 6, 1>(simd, block, row),
                }
                row += rows;
            }
        }
    }

    #[inline(always)]
    fn tile<S: Simd, const ROWS: usize, const PANELS: usize>(
        &mut self,
        simd: S,
        block: usize,
        row: usize,
    ) {
        let (width, hidden) = (self.weights.width, self.weights.hidden);
        let padded = self.weights.padded_hidden();
        let line = PANEL * S::LANES;
        let blocks: [&[f32]; PANELS] = std::array::from_fn(|p| self.weights.block(block + p));
        let mut sums: [[[S::Vector; PANEL]; ROWS]; PANELS] = blocks
            .map(|block| [std::array::from_fn(|gate| simd.load(&block[gate * S::LANES..])); ROWS]);
        let x = &self.x[row * width..][..ROWS * width];
        let h = &self.h[row * padded..][..ROWS * padded];
        #[allow(unsafe_code, reason = "the innermost loop, without bounds checks")]
        // SAFETY: the slices above are as long as the rows need, and a block holds a line
        // of biases, `width` and `hidden` further lines.
        unsafe {
            let rows = Rows { first: x.as_ptr(), stride: width };
            let lines = blocks.map(|block| block[line..].as_ptr());
            tile::accumulate(simd, &mut sums, rows, lines, width);
            let rows = Rows { first: h.as_ptr(), stride: padded };
            let lines = blocks.map(|block| block[(1 + width) * line..].as_ptr());
            tile::accumulate(simd, &mut sums, rows, lines, hidden);
        }
        for (p, sums) in sums.into_iter().enumerate() {
            for (r, [i, o, f, g]) in sums.into_iter().enumerate() {
                let at = (row + r) * padded + (block + p) * S::LANES;
                let c = simd.load(&self.c[at..]);
                let (h, c) = crate::math::cell(simd, [i, o, f, g], c);
                simd.store(&mut self.c[at..], c);
                simd.store(&mut self.next_h[at..], h);
            }
        }
    }
}
const P1: usize = 4;
const P2: usize = 2;
const P3: usize = 2;
