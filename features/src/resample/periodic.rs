//! Rate pairs whose phases are few: every coefficient is stored.
//!
//! [`GROUP`] outputs that follow one another are computed side by side, one in
//! each lane of a vector, from the input that any of them needs. So the input is
//! broadcast, wherever it lies, and the sums of a vector needn't be added up. Its
//! cost is zeros at the ends of the shorter reaches. Where several periods are
//! there, each coefficient is loaded once for some of them: the tables are larger
//! than the nearest cache.

use std::array;
use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use super::filter::LowPass;
use super::ratio::Ratio;
use super::tables::{Converted, Input, Start};

/// Outputs that are computed side by side: the lanes of the widest vector.
const GROUP: usize = 16;
/// Periods that are shorter are joined, so that few lanes of the last group of a
/// period are left over.
const SHORTEST_PERIOD: usize = 128;
/// Samples that a stream's buffers hold together, 16 kB, unless a period is longer:
/// enough to load the coefficients once for a tenth of a second at 16 kHz.
const BUFFERS: usize = 4000;

/// The coefficients that one input sample has for each output of a group.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Taps([f32; GROUP]);

/// The coefficients of every output of a period.
#[derive(Debug)]
pub(super) struct Periodic {
    period: Ratio,
    /// Periods that are computed at a time, at most.
    periods: usize,
    /// Input samples that a group needs.
    width: usize,
    /// `[groups, width]`.
    taps: Box<[Taps]>,
}

impl Periodic {
    /// The tables, unless they would have more than `most` coefficients.
    pub(super) fn new(filter: LowPass, ratio: Ratio, most: usize) -> Option<Self> {
        let mut period = ratio;
        while period.outputs < SHORTEST_PERIOD && !period.outputs.is_multiple_of(GROUP) {
            period.inputs *= 2;
            period.outputs *= 2;
        }
        let groups = period.outputs.div_ceil(GROUP);
        // The last output of a group lies so far behind the first, or one less.
        let spread = period.input_at(GROUP - 1) + 1;
        let width = (filter.width() + spread).next_multiple_of(2);
        if groups * width * GROUP > most {
            return None;
        }
        let taps = (0..groups).flat_map(|group| {
            let first = group * GROUP;
            (0..width).map(move |tap| {
                Taps(array::from_fn(|lane| {
                    let output = first + lane;
                    let input = (period.input_at(first) + tap) as f64 + filter.first();
                    filter.at(input - output as f64 * period.inputs as f64 / period.outputs as f64)
                }))
            })
        });
        Some(Self {
            period,
            periods: (BUFFERS.saturating_sub(width) / (period.inputs + period.outputs)).max(1),
            width,
            taps: taps.collect(),
        })
    }

    /// Input samples that a block advances, and the outputs that it gives.
    pub(super) fn block(&self) -> Ratio {
        Ratio {
            inputs: self.periods * self.period.inputs,
            outputs: self.periods * self.period.outputs,
        }
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Where to start with an output sample that is counted from the start of a
    /// stream.
    pub(super) fn start(&self, output: u64) -> Start {
        let (input, next) = self.period.period_of(output);
        Start { input, next }
    }

    /// Computes what is complete of `input`, which starts with a period.
    pub(super) fn convert(&self, arch: Arch, input: Input<'_>, output: &mut [f32]) -> Converted {
        let end = self.period.outputs_before(input.complete);
        let outputs = input.next..end;
        arch.dispatch(Outputs {
            filter: self,
            input: input.samples,
            range: outputs.clone(),
            output,
        });
        Converted {
            outputs,
            used: end / self.period.outputs * self.period.inputs,
            next: end % self.period.outputs,
        }
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.taps)
    }
}

/// Computes a range of outputs, counted from the start of the period with which
/// `input` starts; and others of the same groups, which are wrong if their input
/// hasn't come.
struct Outputs<'a> {
    filter: &'a Periodic,
    input: &'a [f32],
    range: Range<usize>,
    /// From the start of the period.
    output: &'a mut [f32],
}

impl WithSimd for Outputs<'_> {
    type Output = ();

    /// The vectors of a group, and as many periods at a time as keep their sums in
    /// registers.
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match S::F32_LANES {
            16 => self.compute::<S, 1, 5>(simd),
            8 => self.compute::<S, 2, 2>(simd),
            4 => self.compute::<S, 4, 2>(simd),
            _ => self.compute::<S, GROUP, 1>(simd),
        }
    }
}

impl Outputs<'_> {
    #[inline(always)]
    fn compute<S: Simd, const VECTORS: usize, const PERIODS: usize>(mut self, simd: S) {
        let filter = self.filter;
        let period = filter.period.outputs;
        for (group, taps) in filter.taps.chunks_exact(filter.width).enumerate() {
            let first = group * GROUP;
            let next = (first + GROUP).min(period);
            let from = usize::from(next <= self.range.start);
            let to = self.range.end.saturating_sub(first).div_ceil(period);
            let mut at = from;
            while at + PERIODS <= to {
                self.group::<S, VECTORS, PERIODS>(simd, taps, first..next, at);
                at += PERIODS;
            }
            for at in at..to {
                self.group::<S, VECTORS, 1>(simd, taps, first..next, at);
            }
        }
    }

    /// Computes a group of outputs in each of some periods.
    #[inline(always)]
    fn group<S: Simd, const VECTORS: usize, const PERIODS: usize>(
        &mut self,
        simd: S,
        taps: &[Taps],
        outputs: Range<usize>,
        first_period: usize,
    ) {
        let period = self.filter.period;
        let start = first_period * period.inputs + period.input_at(outputs.start);
        let inputs = array::from_fn(|at| &self.input[start + at * period.inputs..][..taps.len()]);
        let groups = sums::<S, VECTORS, PERIODS>(simd, taps, inputs);
        for (at, group) in groups.iter().enumerate() {
            let start = (first_period + at) * period.outputs;
            self.output[start..][outputs.clone()].copy_from_slice(&group[..outputs.len()]);
        }
    }
}

/// The outputs of a group for the input of several periods.
///
/// Every output is the sum of its even terms, one after the other, and its odd
/// ones: the order doesn't depend on the instruction set. Two sums, because an
/// addition takes longer than the time to the next.
#[inline(always)]
fn sums<S: Simd, const VECTORS: usize, const PERIODS: usize>(
    simd: S,
    taps: &[Taps],
    inputs: [&[f32]; PERIODS],
) -> [[f32; GROUP]; PERIODS] {
    let taps = taps.as_chunks::<2>().0;
    let inputs = inputs.map(|input| &input.as_chunks::<2>().0[..taps.len()]);
    let mut sums = [[[simd.splat_f32s(0.0); VECTORS]; PERIODS]; 2];
    for (at, taps) in taps.iter().enumerate() {
        for (parity, (sums, taps)) in sums.iter_mut().zip(taps).enumerate() {
            let taps = S::as_simd_f32s(&taps.0).0;
            for (sums, input) in sums.iter_mut().zip(inputs) {
                let input = simd.splat_f32s(input[at][parity]);
                for (sum, &taps) in sums.iter_mut().zip(taps) {
                    *sum = simd.mul_add_e_f32s(taps, input, *sum);
                }
            }
        }
    }
    let [even, odd] = sums;
    array::from_fn(|at| {
        let mut group = [0.0; GROUP];
        let vectors = S::as_mut_simd_f32s(&mut group).0;
        for (sum, (&even, &odd)) in vectors.iter_mut().zip(even[at].iter().zip(&odd[at])) {
            *sum = simd.add_f32s(even, odd);
        }
        group
    })
}
