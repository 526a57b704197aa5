//! One stream of samples on its way from one rate to another.

use std::sync::Arc;
use std::time::Duration;

use pulp::{Arch, Simd, WithSimd};

use super::tables::ResamplerTables;

/// Input samples that a buffer takes between moves, at least.
const BLOCK: usize = 512;
/// Output samples that are handed on at a time.
const OUTPUT_BLOCK: usize = 256;

/// Converts one channel. Between equal rates samples pass bit by bit, at once.
/// Allocates nothing after [`new`](Self::new).
#[derive(Clone, Debug)]
pub struct Resampler {
    tables: Arc<ResamplerTables>,
    /// The input that the next outputs need: from the first coefficient of the
    /// next one, at `start`, to the last sample that came, before `filled`.
    buffer: Box<[f32]>,
    start: usize,
    filled: usize,
    /// The next output lies `part / denominator` after an input sample.
    part: u32,
    output: Box<[f32]>,
    /// The instruction set in use.
    arch: Arch,
}

impl Resampler {
    /// A converter at the first sample; what lies before it is zero.
    #[must_use]
    pub fn new(tables: Arc<ResamplerTables>) -> Self {
        let (buffer, output) = if tables.is_identity() {
            (0, 0)
        } else {
            (tables.width + tables.width.max(BLOCK), OUTPUT_BLOCK)
        };
        Self {
            buffer: vec![0.0; buffer].into_boxed_slice(),
            start: 0,
            filled: tables.width.saturating_sub(tables.ahead + 1),
            part: 0,
            output: vec![0.0; output].into_boxed_slice(),
            arch: Arch::new(),
            tables,
        }
    }

    /// How long after its own time an output sample comes out: sample n of the
    /// output lies at `n / output rate`, and so long after that the input must
    /// have come. At most 10 ms; zero between equal rates.
    #[must_use]
    pub fn look_ahead(&self) -> Duration {
        self.tables.look_ahead()
    }

    /// Takes input, and calls `sink` with the output that it makes computable.
    pub fn push(&mut self, mut input: &[f32], sink: &mut impl FnMut(&[f32])) {
        if self.tables.is_identity() {
            return sink(input);
        }
        while !input.is_empty() {
            if self.filled == self.buffer.len() {
                self.buffer.copy_within(self.start.., 0);
                self.filled -= self.start;
                self.start = 0;
            }
            let (head, rest) = input.split_at(input.len().min(self.buffer.len() - self.filled));
            self.buffer[self.filled..][..head.len()].copy_from_slice(head);
            self.filled += head.len();
            input = rest;
            self.convert(sink);
        }
    }

    /// Ends the input: what comes after is zero. The output has
    /// ⌈input samples · output rate / input rate⌉ samples in all, as that of
    /// `librosa.load`. What comes of further pushes is unspecified.
    pub fn finish(&mut self, sink: &mut impl FnMut(&[f32])) {
        let zeros = [0.0; 64];
        let mut ahead = self.tables.ahead;
        while ahead > 0 {
            let count = ahead.min(zeros.len());
            self.push(&zeros[..count], sink);
            ahead -= count;
        }
    }

    /// Computes every output whose input is there.
    fn convert(&mut self, sink: &mut impl FnMut(&[f32])) {
        loop {
            let count = self.arch.dispatch(OutputBlock {
                tables: &self.tables,
                input: &self.buffer[..self.filled],
                start: &mut self.start,
                part: &mut self.part,
                output: &mut self.output,
            });
            if count > 0 {
                sink(&self.output[..count]);
            }
            if count < self.output.len() {
                return;
            }
        }
    }
}

/// Computes outputs until `output` is full or `input` ends; returns how many.
struct OutputBlock<'a> {
    tables: &'a ResamplerTables,
    input: &'a [f32],
    start: &'a mut usize,
    part: &'a mut u32,
    output: &'a mut [f32],
}

impl WithSimd for OutputBlock<'_> {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> usize {
        let Self {
            tables,
            input,
            start,
            part,
            output,
        } = self;
        for (count, sample) in output.iter_mut().enumerate() {
            let Some(input) = input.get(*start..*start + tables.width) else {
                return count;
            };
            let (rows, between) = tables.rows(*part);
            let (row, next) = rows.split_at(tables.width);
            *sample = inner_product(simd, row, input);
            if between > 0.0 {
                *sample += between * (inner_product(simd, next, input) - *sample);
            }
            *start += tables.step;
            *part += tables.remainder;
            if *part >= tables.denominator {
                *part -= tables.denominator;
                *start += 1;
            }
        }
        output.len()
    }
}

/// Sums in an order that depends on nothing but the length and the instruction
/// set. Four independent sums hide the latency of an addition.
#[inline(always)]
fn inner_product<S: Simd>(simd: S, a: &[f32], b: &[f32]) -> f32 {
    let (a, b) = (S::as_simd_f32s(a).0, S::as_simd_f32s(b).0);
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<4>(), b.as_chunks::<4>());
    let mut sums = [simd.splat_f32s(0.0); 4];
    for (a, b) in a.iter().zip(b) {
        for ((sum, &a), &b) in sums.iter_mut().zip(a).zip(b) {
            *sum = simd.mul_add_e_f32s(a, b, *sum);
        }
    }
    for ((sum, &a), &b) in sums.iter_mut().zip(a_rest).zip(b_rest) {
        *sum = simd.mul_add_e_f32s(a, b, *sum);
    }
    let [first, second, third, fourth] = sums;
    let (even, odd) = (simd.add_f32s(first, third), simd.add_f32s(second, fourth));
    simd.reduce_sum_f32s(simd.add_f32s(even, odd))
}
