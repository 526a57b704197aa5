//! The backward pass through time.

use super::{LstmGradients, LstmInputs, LstmUpstream, LstmWeights, SavedSteps, pack::GatePanels};
use crate::{
    Activation,
    aligned::Aligned,
    math,
    product::Product,
    scratch::Scratch,
    simd::{Kernel, Simd},
    tile::{self, Lines, Panels, Rows, Tiles, VECTORS},
};

/// Lines of gates that a product over all steps takes at a time: with
/// [`VECTORS`] vectors each they stay in the nearest cache.
const LINES: usize = 128;

/// The weights turned round: from gates, in the order of [`GatePanels`], to what they were
/// made of.
#[derive(Debug, Clone)]
pub(super) struct TransposedPanels {
    /// To the state before.
    r: Panels,
    /// To the input.
    w: Panels,
}

impl TransposedPanels {
    pub(super) fn new(weights: LstmWeights<'_>, lanes: usize) -> Self {
        let LstmWeights { width, hidden, .. } = weights;
        let gates = 4 * hidden.next_multiple_of(lanes);
        let pack = |matrix: &[f32], columns: usize| {
            let value = |k: usize, column: usize| {
                gate_row(k, lanes, hidden).map_or(0.0, |row| matrix[row * columns + column])
            };
            Panels::pack_matrix(lanes, [gates, columns], |_| 0.0, value)
        };
        Self {
            r: pack(weights.r, hidden),
            w: pack(weights.w, width),
        }
    }
}

/// The row of `w` and `r` that a place in a line of gates stands for.
fn gate_row(place: usize, lanes: usize, hidden: usize) -> Option<usize> {
    let (block, gate, lane) = (
        place / (VECTORS * lanes),
        place / lanes % VECTORS,
        place % lanes,
    );
    let unit = block * lanes + lane;
    (unit < hidden).then_some(gate * hidden + unit)
}

/// All steps of all rows, the last one first.
pub(super) struct Backward<'a> {
    pub(super) weights: &'a GatePanels,
    pub(super) transposed: &'a TransposedPanels,
    pub(super) inputs: LstmInputs<'a>,
    pub(super) saved: &'a SavedSteps,
    pub(super) upstream: LstmUpstream<'a>,
    pub(super) gradients: LstmGradients<'a>,
    pub(super) scratch: &'a mut Scratch,
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let LstmInputs { steps, rows, .. } = self.inputs;
        let (padded, line_len) = (self.weights.padded_hidden(), self.weights.line_len());
        self.start();
        for step in (0..steps).rev() {
            self.add_upstream(step);
            let Scratch {
                h,
                next_h,
                c,
                gates,
                ..
            } = &mut *self.scratch;
            let gates = &mut gates[step * rows * line_len..][..rows * line_len];
            for row in 0..rows {
                let state = row * padded..(row + 1) * padded;
                let gates = &mut gates[row * line_len..][..line_len];
                if !self.inputs.is_valid(step, row) {
                    gates.fill(0.0);
                    continue;
                }
                CellGradients {
                    opened: &self.saved.gates(step)[row * line_len..][..line_len],
                    before: &self.saved.cells_before(step)[state.clone()],
                    after: &self.saved.cells_before(step + 1)[state.clone()],
                    dh: &h[state.clone()],
                    dc: &mut c[state],
                    gates,
                }
                .run(simd);
            }
            Product {
                weights: &self.transposed.r,
                values: gates,
                depth: line_len,
                target: next_h,
                stride: padded,
                columns: self.weights.hidden,
                activation: Activation::None,
            }
            .run(simd, rows);
            for row in 0..rows {
                if !self.inputs.is_valid(step, row) {
                    let state = row * padded..(row + 1) * padded;
                    next_h[state.clone()].copy_from_slice(&h[state]);
                }
            }
            std::mem::swap(h, next_h);
        }
        self.finish(simd);
    }
}

impl Backward<'_> {
    /// Sets the gradients by the states after the last step.
    fn start(&mut self) {
        let (hidden, padded) = (self.weights.hidden, self.weights.padded_hidden());
        let LstmInputs { steps, rows, .. } = self.inputs;
        let Scratch {
            h,
            next_h,
            c,
            gates,
            ..
        } = &mut *self.scratch;
        gates.resize(steps * rows * self.weights.line_len());
        next_h.resize(rows * padded);
        next_h.fill(0.0);
        for (target, upstream) in [(h, self.upstream.h), (c, self.upstream.c)] {
            target.resize(rows * padded);
            target.fill(0.0);
            let Some(upstream) = upstream else { continue };
            let upstream = upstream.chunks_exact(hidden);
            for (target, upstream) in target.chunks_exact_mut(padded).zip(upstream) {
                target[..hidden].copy_from_slice(upstream);
            }
        }
    }

    /// Adds the gradient by a step's own output.
    fn add_upstream(&mut self, step: usize) {
        let Some(all) = self.upstream.all else { return };
        let (hidden, padded) = (self.weights.hidden, self.weights.padded_hidden());
        let state = self.inputs.rows * hidden;
        let all = all[step * state..][..state].chunks_exact(hidden);
        for (row, (h, all)) in self.scratch.h.chunks_exact_mut(padded).zip(all).enumerate() {
            if self.inputs.is_valid(step, row) {
                h.iter_mut().zip(all).for_each(|(h, all)| *h += all);
            }
        }
    }

    /// What is left once the gradients by all gates are known.
    #[inline(always)]
    fn finish<S: Simd>(self, simd: S) {
        let (width, hidden) = (self.weights.width, self.weights.hidden);
        let (padded, line_len) = (self.weights.padded_hidden(), self.weights.line_len());
        let Scratch {
            h,
            c,
            gates,
            lines,
            weights,
            ..
        } = self.scratch;
        for (target, state) in [(self.gradients.h0, h), (self.gradients.c0, c)] {
            let Some(target) = target else { continue };
            for (target, state) in target
                .chunks_exact_mut(hidden)
                .zip(state.chunks_exact(padded))
            {
                target.copy_from_slice(&state[..hidden]);
            }
        }
        if let Some(target) = self.gradients.x {
            Product {
                weights: &self.transposed.w,
                values: gates,
                depth: line_len,
                target,
                stride: width,
                columns: width,
                activation: Activation::None,
            }
            .run(simd, self.inputs.steps * self.inputs.rows);
        }
        if let Some(target) = self.gradients.b {
            target.fill(0.0);
            for gates in gates.chunks_exact(line_len) {
                for (place, gate) in gates.iter().enumerate() {
                    if let Some(row) = gate_row(place, S::LANES, hidden) {
                        target[row] += gate;
                    }
                }
            }
        }
        let by_weights = [
            (self.gradients.w, self.inputs.x, width, width),
            (self.gradients.r, self.saved.hidden_before(), padded, hidden),
        ];
        for (target, values, step, columns) in by_weights {
            let Some(target) = target else { continue };
            OverAllSteps {
                inputs: self.inputs,
                values,
                step,
                columns,
                gates,
                line_len,
                lines,
                target: weights,
            }
            .run(simd);
            for (column, sums) in weights.chunks_exact(line_len).enumerate() {
                for (place, sum) in sums.iter().enumerate() {
                    if let Some(row) = gate_row(place, S::LANES, hidden) {
                        target[row * columns + column] = *sum;
                    }
                }
            }
        }
    }
}

/// A step of a row.
struct CellGradients<'a> {
    /// The opened gates, `[blocks, 4, lanes]`.
    opened: &'a [f32],
    /// The cell state before the step and after it.
    before: &'a [f32],
    after: &'a [f32],
    /// The gradient by the hidden state after the step.
    dh: &'a [f32],
    /// The gradient by the cell state after the step, which becomes that before it.
    dc: &'a mut [f32],
    /// The gradients by the sums of the gates, `[blocks, 4, lanes]`.
    gates: &'a mut [f32],
}

impl CellGradients<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for unit in (0..self.dc.len()).step_by(S::LANES) {
            let line = unit * VECTORS;
            let opened = &self.opened[line..];
            let [sums] = tile::resume::<S, 1>(simd, opened, 0);
            let [input, output, forget, candidate] = sums;
            let squashed = math::tanh(simd, simd.load(&self.after[unit..]));
            let dh = simd.load(&self.dh[unit..]);
            let through = simd.mul(dh, simd.mul(output, slope_of_tanh(simd, squashed)));
            let dc = simd.add(simd.load(&self.dc[unit..]), through);
            let before = simd.load(&self.before[unit..]);
            let gradients = [
                simd.mul(simd.mul(dc, candidate), slope_of_sigmoid(simd, input)),
                simd.mul(simd.mul(dh, squashed), slope_of_sigmoid(simd, output)),
                simd.mul(simd.mul(dc, before), slope_of_sigmoid(simd, forget)),
                simd.mul(simd.mul(dc, input), slope_of_tanh(simd, candidate)),
            ];
            tile::keep::<S, 1>(simd, [gradients], &mut self.gates[line..], 0);
            simd.store(&mut self.dc[unit..], simd.mul(dc, forget));
        }

        #[inline(always)]
        fn slope_of_sigmoid<S: Simd>(simd: S, y: S::Vector) -> S::Vector {
            simd.mul(y, simd.sub(simd.splat(1.0), y))
        }

        #[inline(always)]
        fn slope_of_tanh<S: Simd>(simd: S, y: S::Vector) -> S::Vector {
            simd.sub(simd.splat(1.0), simd.mul(y, y))
        }
    }
}

/// The product of the layer's input, or of its states, and the gradients by the gates, summed
/// over the lines of all steps and rows that count: NaN in the others, times a gradient of
/// zero, would still be NaN.
struct OverAllSteps<'a> {
    inputs: LstmInputs<'a>,
    /// `[lines, step]`, of which the first `columns` count.
    values: &'a [f32],
    step: usize,
    columns: usize,
    /// `[lines, line_len]`.
    gates: &'a [f32],
    line_len: usize,
    /// Room for some lines of a block.
    lines: &'a mut Aligned,
    /// `[columns, line_len]`.
    target: &'a mut Aligned,
}

impl OverAllSteps<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let block_len = VECTORS * S::LANES;
        self.lines.resize(LINES * block_len);
        self.target.resize(self.columns * self.line_len);
        self.target.fill(0.0);
        let chunks = self.inputs.valid_lines().flat_map(|lines| {
            let values = &self.values[lines.start * self.step..lines.end * self.step];
            let gates = &self.gates[lines.start * self.line_len..lines.end * self.line_len];
            let gates = gates.chunks(LINES * self.line_len);
            values.chunks(LINES * self.step).zip(gates)
        });
        for (values, gates) in chunks {
            for block in (0..self.line_len).step_by(block_len) {
                let lines = self.lines.chunks_exact_mut(block_len);
                for (line, gates) in lines.zip(gates.chunks_exact(self.line_len)) {
                    line.copy_from_slice(&gates[block..][..block_len]);
                }
                BlockOfGates {
                    values,
                    step: self.step,
                    lines: &self.lines[..],
                    depth: gates.len() / self.line_len,
                    target: &mut self.target[block..],
                    stride: self.line_len,
                }
                .run_tiles(simd, self.columns);
            }
        }
    }
}

struct BlockOfGates<'a> {
    values: &'a [f32],
    step: usize,
    lines: &'a [f32],
    depth: usize,
    target: &'a mut [f32],
    stride: usize,
}

impl Tiles for BlockOfGates<'_> {
    #[inline(always)]
    fn tile<S: Simd, const ROWS: usize>(&mut self, simd: S, row: usize) {
        let target = &mut self.target[row * self.stride..];
        let mut sums = [tile::resume::<S, ROWS>(simd, target, self.stride)];
        let rows = Rows {
            values: &self.values[row..],
            stride: 1,
            step: self.step,
        };
        let lines = Lines {
            values: self.lines,
            stride: VECTORS * S::LANES,
        };
        tile::accumulate(simd, &mut sums, rows, [lines], self.depth);
        let [sums] = sums;
        tile::keep(simd, sums, target, self.stride);
    }
}
