//! Randomness that depends on nothing but the seed.
//!
//! Burn's own generator is one per process: what a run draws from it would depend
//! on what else runs. Every use here has its own stream of ChaCha instead, so a
//! run can be repeated, resumed at any epoch, and share its process with others.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What the numbers are for: each purpose has its own stream.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    TestSide = 1,
    ValidationPart = 2,
    Weights = 3,
    Order = 4,
    Batches = 5,
    Golden = 6,
    Speakers = 7,
}

/// The generator for `purpose` in `round`, for instance an epoch.
pub(crate) fn generator(seed: u64, purpose: Purpose, round: u32) -> ChaCha8Rng {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    generator.set_stream((purpose as u64) << 32 | u64::from(round));
    generator
}

/// A number of the standard normal distribution, by Box and Muller.
pub(crate) fn normal(generator: &mut ChaCha8Rng) -> f32 {
    let radius = (-2.0 * (1.0 - generator.random::<f64>()).ln()).sqrt();
    let angle = std::f64::consts::TAU * generator.random::<f64>();
    (radius * angle.cos()) as f32
}
