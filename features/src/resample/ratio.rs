//! Where output samples lie in the input.

use crate::SampleRate;

/// A rate pair in lowest terms: `inputs` samples last as long as `outputs`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ratio {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
}

impl Ratio {
    pub(super) fn new(input: SampleRate, output: SampleRate) -> Self {
        let divisor = greatest_common_divisor(input.hz(), output.hz());
        Self {
            inputs: (input.hz() / divisor) as usize,
            outputs: (output.hz() / divisor) as usize,
        }
    }

    /// The last input sample that is not after an output sample.
    pub(super) fn input_at(self, output: usize) -> usize {
        (output as u64 * self.inputs as u64 / self.outputs as u64) as usize
    }

    /// Where an output sample that is counted from the start of a stream lies: the
    /// first input sample of its period, and the output's place in the period.
    pub(super) fn period_of(self, output: u64) -> (u64, usize) {
        let outputs = self.outputs as u64;
        let input = output / outputs * self.inputs as u64;
        (input, (output % outputs) as usize)
    }

    /// How far after it the output sample lies, in input samples, as a count of
    /// `1 / outputs`.
    pub(super) fn phase_at(self, output: usize) -> usize {
        (output as u64 * self.inputs as u64 % self.outputs as u64) as usize
    }

    /// Output samples that lie before an input sample.
    pub(super) fn outputs_before(self, input: usize) -> usize {
        (input as u64 * self.outputs as u64).div_ceil(self.inputs as u64) as usize
    }
}

const fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 {
        a
    } else {
        greatest_common_divisor(b, a % b)
    }
}
