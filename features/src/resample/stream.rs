//! One stream of samples on its way from one rate to another.

use std::sync::Arc;
use std::time::Duration;

use pulp::Arch;

use super::tables::{Input, Phases, ResamplerTables};

/// Converts one channel. Between equal rates samples pass bit by bit, at once.
/// Allocates nothing after [`new`](Self::new).
#[derive(Clone, Debug)]
pub struct Resampler {
    tables: Arc<ResamplerTables>,
    /// The input that the next outputs need, up to `filled`. Behind it is what was
    /// there before: sums run over some of it, with coefficients of zero.
    buffer: Box<[f32]>,
    filled: usize,
    /// Input that comes before anything that is needed.
    skip: u64,
    /// The next output sample, counted from the start of its period.
    next: usize,
    output: Box<[f32]>,
    /// The instruction set in use.
    arch: Arch,
}

impl Resampler {
    /// A converter at the first sample; what lies before it is zero.
    #[must_use]
    pub fn new(tables: Arc<ResamplerTables>) -> Self {
        Self::starting(tables, 0, 0)
    }

    /// A converter within a stream, whose input comes from sample `from` on, and whose
    /// output starts with sample `output`. That mustn't need input before `from`,
    /// unless it is what lies before the stream.
    pub(crate) fn starting(tables: Arc<ResamplerTables>, from: u64, output: u64) -> Self {
        let block = tables.phases.block();
        let buffer = block.inputs + tables.phases.width();
        let start = tables.phases.start(output);
        // The buffer begins so many samples before `start.input`.
        let reach = tables.ahead.saturating_sub(1) as u64;
        Self {
            buffer: vec![0.0; buffer].into_boxed_slice(),
            filled: (from + reach).saturating_sub(start.input) as usize,
            skip: start.input.saturating_sub(from + reach),
            next: start.next,
            output: vec![0.0; block.outputs].into_boxed_slice(),
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

    /// Takes finite input, and calls `sink` with the output that it makes
    /// computable.
    pub fn push(&mut self, mut input: &[f32], sink: &mut impl FnMut(&[f32])) {
        if self.skip > 0 {
            let skipped = self.skip.min(input.len() as u64);
            self.skip -= skipped;
            input = &input[skipped as usize..];
        }
        if matches!(self.tables.phases, Phases::Identity) {
            return sink(input);
        }
        // Not the whole buffer: sums run further than the filter reaches.
        let capacity = self.tables.phases.block().inputs + 2 * self.tables.ahead - 1;
        while !input.is_empty() {
            let (head, rest) = input.split_at(input.len().min(capacity - self.filled));
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

    /// Computes every output whose input is there, and lets go of the input that
    /// no more need.
    fn convert(&mut self, sink: &mut impl FnMut(&[f32])) {
        // Input samples with everything that the filter reaches on either side.
        let complete = self.filled.saturating_sub(2 * self.tables.ahead - 1);
        if complete == 0 {
            return;
        }
        let input = Input {
            samples: &self.buffer,
            complete,
            next: self.next,
        };
        let phases = &self.tables.phases;
        let converted = phases.convert(self.arch, input, &mut self.output);
        if converted.outputs.is_empty() {
            return;
        }
        sink(&self.output[converted.outputs]);
        self.next = converted.next;
        self.buffer.copy_within(converted.used..self.filled, 0);
        self.filled -= converted.used;
    }
}
