//! What the processor can do at most.

use crate::{
    InstructionSet,
    simd::{Kernel, Simd},
    tile::VECTORS,
};

/// What [`multiply_add_peak`] did.
#[derive(Debug, Clone, Copy)]
pub struct MultiplyAddPeak {
    /// Multiply-adds that were done.
    pub multiply_adds: u64,
    /// What they came to, so that none is left out.
    pub sum: f32,
}

/// Multiply-adds on registers alone, as many at once as the layers' tiles do: what a layer's
/// throughput is measured against. An instruction set that this processor lacks is
/// replaced by the portable code.
#[must_use]
pub fn multiply_add_peak(instruction_set: InstructionSet, rounds: u32) -> MultiplyAddPeak {
    instruction_set.run(Peak { rounds })
}

struct Peak {
    rounds: u32,
}

impl Kernel for Peak {
    type Output = MultiplyAddPeak;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> MultiplyAddPeak {
        match S::TILE_ROWS {
            6 => chains::<S, 6>(simd, self.rounds),
            3 => chains::<S, 3>(simd, self.rounds),
            _ => chains::<S, 2>(simd, self.rounds),
        }
    }
}

#[inline(always)]
fn chains<S: Simd, const ROWS: usize>(simd: S, rounds: u32) -> MultiplyAddPeak {
    let factor = simd.splat(0.999);
    let mut sums = [[simd.splat(1.0); VECTORS]; ROWS];
    for _ in 0..rounds {
        for sum in sums.as_flattened_mut() {
            *sum = simd.mul_add(*sum, factor, factor);
        }
    }
    let mut total = simd.splat(0.0);
    for sum in sums.as_flattened() {
        total = simd.add(total, *sum);
    }
    let mut values = [0.0; 16];
    simd.store(&mut values, total);
    MultiplyAddPeak {
        multiply_adds: u64::from(rounds) * (ROWS * VECTORS * S::LANES) as u64,
        sum: values.iter().sum(),
    }
}
