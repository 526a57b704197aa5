//! Power spectra of real frames.

use std::f64::consts::PI;
use std::sync::Arc;

use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};

/// The transform of real frames by a complex one of half their length, which takes
/// even samples as real parts and odd ones as imaginary parts (Press et al., Numerical
/// Recipes, 12.3.2). What follows it goes straight on to powers.
pub(crate) struct PowerTransform {
    half: Arc<dyn Fft<f32>>,
    /// e^(−2πik / frame length) for the bins k that are computed along with bin
    /// `half length − k`.
    twiddles: Box<[Complex<f32>]>,
}

impl PowerTransform {
    /// Of frames of `length` samples, an even number.
    pub(crate) fn new(length: usize) -> Self {
        let half = length / 2;
        let twiddles = (1..half.div_ceil(2)).map(|bin| {
            let angle = -2.0 * PI * bin as f64 / length as f64;
            Complex::new(angle.cos() as f32, angle.sin() as f32)
        });
        Self {
            half: FftPlanner::new().plan_fft_forward(half),
            twiddles: twiddles.collect(),
        }
    }

    pub(crate) fn scratch_len(&self) -> usize {
        self.half.get_inplace_scratch_len()
    }

    /// The power of each of the `length / 2 + 1` bins of the frame whose samples
    /// `frame` holds two by two, and whose place the transform takes.
    #[inline(always)]
    pub(crate) fn apply(
        &self,
        frame: &mut [Complex<f32>],
        scratch: &mut [Complex<f32>],
        powers: &mut [f32],
    ) {
        self.half.process_with_scratch(frame, scratch);
        let pairs = self.twiddles.len();
        let (lower, upper) = powers.split_at_mut(frame.len() - pairs);
        let first = frame[0];
        lower[0] = (first.re + first.im).powi(2);
        upper[pairs] = (first.re - first.im).powi(2);
        if frame.len().is_multiple_of(2) {
            lower[pairs + 1] = frame[pairs + 1].norm_sqr();
        }
        let (bins, twiddles) = (&frame[1..][..pairs], &*self.twiddles);
        let mirrored = &frame[frame.len() - pairs..];
        let (lower, upper) = (&mut lower[1..][..pairs], &mut upper[..pairs]);
        let whole = pairs / LANES * LANES;
        for first in (0..whole).step_by(LANES) {
            let range = first..first + LANES;
            let mirror = pairs - first - LANES..pairs - first;
            let (low, high) = powers_of_pairs::<LANES>(
                bins[range.clone()].try_into().expect(LENGTHS),
                mirrored[mirror.clone()].try_into().expect(LENGTHS),
                twiddles[range.clone()].try_into().expect(LENGTHS),
            );
            lower[range].copy_from_slice(&low);
            upper[mirror].copy_from_slice(&high);
        }
        for at in whole..pairs {
            let mirror = pairs - 1 - at;
            let ([low], [high]) =
                powers_of_pairs(&[bins[at]], &[mirrored[mirror]], &[twiddles[at]]);
            (lower[at], upper[mirror]) = (low, high);
        }
    }
}

/// Pairs of bins that are computed side by side.
const LANES: usize = 16;
const LENGTHS: &str = "ranges of so many";

/// The powers of bins and, in reverse, of those that `mirrored` belongs to.
#[inline(always)]
fn powers_of_pairs<const N: usize>(
    bins: &[Complex<f32>; N],
    mirrored: &[Complex<f32>; N],
    twiddles: &[Complex<f32>; N],
) -> ([f32; N], [f32; N]) {
    let (mut low, mut high) = ([0.0; N], [0.0; N]);
    for at in 0..N {
        let (a, b, twiddle) = (bins[at], mirrored[N - 1 - at], twiddles[at]);
        let even = Complex::new(a.re + b.re, a.im - b.im);
        let odd = Complex::new(a.im + b.im, b.re - a.re) * twiddle;
        low[at] = 0.25 * (even + odd).norm_sqr();
        high[N - 1 - at] = 0.25 * (even - odd).norm_sqr();
    }
    (low, high)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use realfft::RealFftPlanner;

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_a_transform_of_reals(
            (length, seed) in (1_usize..200, prop::collection::vec(-1.0_f32..1.0, 400)),
        ) {
            let length = 2 * length;
            let mut samples = seed[..length].to_vec();
            let transform = PowerTransform::new(length);
            let mut frame: Vec<_> =
                samples.chunks_exact(2).map(|pair| Complex::new(pair[0], pair[1])).collect();
            let mut scratch = vec![Complex::default(); transform.scratch_len()];
            let mut powers = vec![f32::NAN; length / 2 + 1];
            transform.apply(&mut frame, &mut scratch, &mut powers);

            let reference = RealFftPlanner::<f32>::new().plan_fft_forward(length);
            let mut spectrum = reference.make_output_vec();
            reference.process(&mut samples, &mut spectrum).unwrap();
            for (bin, (power, expected)) in powers.iter().zip(&spectrum).enumerate() {
                let error = (power - expected.norm_sqr()).abs();
                prop_assert!(error < 1e-4 * length as f32, "bin {bin}: {power}, {expected}");
            }
        }
    }
}
