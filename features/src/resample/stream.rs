//! One stream of samples on its way from one rate to another.

use std::sync::Arc;
use std::time::Duration;

use super::tables::{LANES, ResamplerTables};

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
        let tables = &*self.tables;
        let mut count = 0;
        while self.start + tables.width <= self.filled {
            let input = &self.buffer[self.start..][..tables.width];
            self.output[count] = interpolate(tables, self.part, input);
            count += 1;
            self.start += tables.step;
            self.part += tables.remainder;
            if self.part >= tables.denominator {
                self.part -= tables.denominator;
                self.start += 1;
            }
            if count == self.output.len() {
                sink(&self.output);
                count = 0;
            }
        }
        if count > 0 {
            sink(&self.output[..count]);
        }
    }
}

#[inline]
fn interpolate(tables: &ResamplerTables, part: u32, input: &[f32]) -> f32 {
    let (rows, between) = tables.rows(part);
    let (row, next) = rows.split_at(input.len());
    let here = inner_product(row, input);
    if between == 0.0 {
        here
    } else {
        here + between * (inner_product(next, input) - here)
    }
}

/// Sums in one fixed order, in lanes that compilers turn into vectors.
#[inline]
fn inner_product(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    let (a, _) = a.as_chunks::<LANES>();
    let (b, _) = b.as_chunks::<LANES>();
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    let mut count = LANES / 2;
    while count > 0 {
        for lane in 0..count {
            lanes[lane] += lanes[lane + count];
        }
        count /= 2;
    }
    lanes[0]
}
