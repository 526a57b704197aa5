//! Rate pairs with more phases than are stored, as 44,101 to 22,050 Hz with
//! 22,050: an output is interpolated between those of the nearest two.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use super::filter::LowPass;
use super::ratio::Ratio;
use super::tables::{Converted, Input, Start};

/// Phases that are stored, for each sample of the lower rate. Linear
/// interpolation of a signal at angular frequency ω, in radians a step, is off by
/// ω²/8; at the Nyquist rate that is (π/1024)²/8, or −118 dB.
const PHASES: usize = 1024;
/// Rows are padded with zeros to two vectors of the widest instruction set.
const LANES: usize = 32;
/// Outputs that are computed at a time.
const BLOCK: usize = 256;

/// Coefficients at phases that lie equally far apart.
#[derive(Debug)]
pub(super) struct Interpolated {
    ratio: Ratio,
    phases: usize,
    /// Input samples that an output needs, and padding.
    width: usize,
    /// `[phases + 1, width]`.
    rows: Box<[f32]>,
}

impl Interpolated {
    pub(super) fn new(filter: LowPass, ratio: Ratio) -> Self {
        let lower = ratio.inputs.min(ratio.outputs);
        let phases = (PHASES * lower).div_ceil(ratio.inputs);
        let width = filter.width().next_multiple_of(LANES);
        let rows = (0..=phases).flat_map(|phase| {
            let first = filter.first() - phase as f64 / phases as f64;
            (0..width).map(move |tap| filter.at(first + tap as f64))
        });
        Self {
            ratio,
            phases,
            width,
            rows: rows.collect(),
        }
    }

    /// Input samples that a block advances, and the outputs that it gives at
    /// most.
    pub(super) fn block(&self) -> Ratio {
        let inputs = self.ratio.input_at(BLOCK);
        Ratio {
            inputs,
            outputs: self.ratio.outputs_before(inputs),
        }
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Where to start with an output sample that is counted from the start of a
    /// stream.
    pub(super) fn start(&self, output: u64) -> Start {
        let (period, next) = self.ratio.period_of(output);
        let input = period + self.ratio.input_at(next) as u64;
        Start { input, next }
    }

    /// Computes what is complete of `input`, which starts with the reach of the
    /// next output.
    pub(super) fn convert(&self, arch: Arch, input: Input<'_>, output: &mut [f32]) -> Converted {
        let origin = self.ratio.input_at(input.next);
        let end = self.ratio.outputs_before(origin + input.complete);
        let range = input.next..end;
        let count = range.len();
        arch.dispatch(Outputs {
            filter: self,
            input: input.samples,
            range,
            output,
        });
        Converted {
            outputs: 0..count,
            used: self.ratio.input_at(end) - origin,
            next: end % self.ratio.outputs,
        }
    }

    /// The rows between which an output lies, and how far from the first, 0 to 1.
    #[inline]
    fn rows(&self, output: usize) -> (&[f32], &[f32], f32) {
        let scaled = self.ratio.phase_at(output) * self.phases;
        let row = scaled / self.ratio.outputs;
        let between = (scaled % self.ratio.outputs) as f32 / self.ratio.outputs as f32;
        let (row, next) = self.rows[row * self.width..][..2 * self.width].split_at(self.width);
        (row, next, between)
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.rows)
    }
}

/// Computes a range of outputs; `input` starts with the reach of the first.
struct Outputs<'a> {
    filter: &'a Interpolated,
    input: &'a [f32],
    range: Range<usize>,
    output: &'a mut [f32],
}

impl WithSimd for Outputs<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let origin = self.filter.ratio.input_at(self.range.start);
        for (at, output) in self.range.zip(self.output) {
            let start = self.filter.ratio.input_at(at) - origin;
            let input = &self.input[start..][..self.filter.width];
            let (row, next, between) = self.filter.rows(at);
            *output = blended_product(simd, row, next, between, input);
        }
    }
}

/// The inner product of `input` and a row between two. Sums in an order that
/// depends on nothing but the length and the instruction set; two sums of each row
/// hide some of the latency of an addition.
#[inline(always)]
fn blended_product<S: Simd>(
    simd: S,
    row: &[f32],
    next: &[f32],
    between: f32,
    input: &[f32],
) -> f32 {
    let [row, next, input] =
        [row, next, input].map(|values| S::as_simd_f32s(values).0.as_chunks::<2>().0);
    let mut sums = [[simd.splat_f32s(0.0); 2]; 2];
    for ((row, next), input) in row.iter().zip(next).zip(input) {
        for (sums, row) in sums.iter_mut().zip([row, next]) {
            for ((sum, &row), &input) in sums.iter_mut().zip(row).zip(input) {
                *sum = simd.mul_add_e_f32s(row, input, *sum);
            }
        }
    }
    let [row, next] = sums.map(|[even, odd]| simd.add_f32s(even, odd));
    let between = simd.splat_f32s(between);
    simd.reduce_sum_f32s(simd.mul_add_e_f32s(between, simd.sub_f32s(next, row), row))
}
