use std::f64::consts::TAU;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::SampleRate;

fn rate(hz: u32) -> SampleRate {
    SampleRate::new(hz).unwrap()
}

fn resampler(input: u32, output: u32) -> Resampler {
    Resampler::new(ResamplerTables::shared(rate(input), rate(output)).unwrap())
}

fn convert<'a>(mut resampler: Resampler, chunks: impl IntoIterator<Item = &'a [f32]>) -> Vec<f32> {
    let mut output = Vec::new();
    for chunk in chunks {
        resampler.push(chunk, &mut |samples| output.extend_from_slice(samples));
    }
    resampler.finish(&mut |samples| output.extend_from_slice(samples));
    output
}

fn sine(hz: f64, rate: u32, samples: usize) -> Vec<f32> {
    (0..samples)
        .map(|n| (TAU * hz * n as f64 / f64::from(rate)).sin() as f32)
        .collect()
}

/// What became of a sine of amplitude 1.
struct Response {
    /// Gain at its own frequency; negative parts are out of phase.
    in_phase: f64,
    quadrature: f64,
    /// Root mean square of everything else, in dB against the sine's.
    residue: f64,
}

/// Converts a quarter of a second, and fits the sine to the middle of it.
fn response(input: u32, output: u32, hz: f64) -> Response {
    let sine = sine(hz, input, input as usize / 4);
    let converted = convert(resampler(input, output), [&sine[..]]);
    let edge = output as usize / 64;
    let middle = edge..converted.len() - edge;
    let basis = |n: usize| (TAU * hz * n as f64 / f64::from(output)).sin_cos();

    // The normal equations of two unknowns.
    let (mut ss, mut sc, mut cc, mut sy, mut cy) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for n in middle.clone() {
        let ((s, c), y) = (basis(n), f64::from(converted[n]));
        (ss, sc, cc, sy, cy) = (ss + s * s, sc + s * c, cc + c * c, sy + s * y, cy + c * y);
    }
    let determinant = ss * cc - sc * sc;
    let in_phase = (sy * cc - cy * sc) / determinant;
    let quadrature = (cy * ss - sy * sc) / determinant;
    let power: f64 = middle
        .clone()
        .map(|n| {
            let (s, c) = basis(n);
            (f64::from(converted[n]) - in_phase * s - quadrature * c).powi(2)
        })
        .sum();
    let residue = decibels((2.0 * power / middle.len() as f64).sqrt());
    Response {
        in_phase,
        quadrature,
        residue,
    }
}

/// The root mean square of a sine that should vanish, in dB against the sine's.
fn remainder(input: u32, output: u32, hz: f64) -> f64 {
    let sine = sine(hz, input, input as usize / 4);
    let converted = convert(resampler(input, output), [&sine[..]]);
    let edge = output as usize / 64;
    let middle = &converted[edge..converted.len() - edge];
    let power: f64 = middle.iter().map(|&y| f64::from(y).powi(2)).sum();
    decibels((2.0 * power / middle.len() as f64).sqrt())
}

fn decibels(amplitude: f64) -> f64 {
    20.0 * amplitude.log10()
}

/// Telephone, wide-band, music and studio rates, and two that share only a small
/// divisor with the output rate.
const INPUTS: [u32; 10] = [
    8_000, 11_025, 16_000, 24_000, 24_414, 44_100, 44_101, 48_000, 96_000, 192_000,
];

#[test]
fn the_pass_band_is_flat_and_in_phase() {
    for input in INPUTS {
        let nyquist = f64::from(input.min(22_050)) / 2.0;
        for part in [0.013, 0.21, 0.47, 0.71, 0.85, 0.9] {
            let response = response(input, 22_050, part * nyquist);
            let ripple = decibels(response.in_phase).abs();
            assert!(ripple < 0.1, "{input} Hz, {part} of Nyquist: {ripple} dB");
            let quadrature = response.quadrature.abs();
            assert!(
                quadrature < 1e-4,
                "{input} Hz, {part} of Nyquist: {quadrature}"
            );
        }
    }
}

#[test]
fn images_lie_100_db_down() {
    for input in INPUTS {
        let nyquist = f64::from(input.min(22_050)) / 2.0;
        for part in [0.013, 0.21, 0.47, 0.71, 0.9, 0.96, 0.99] {
            let residue = response(input, 22_050, part * nyquist).residue;
            assert!(
                residue < -100.0,
                "{input} Hz, {part} of Nyquist: {residue} dB"
            );
        }
    }
}

#[test]
fn the_stop_band_starts_at_the_lower_nyquist_rate() {
    for input in INPUTS.into_iter().filter(|&input| input > 22_050) {
        for part in [
            1.000_1, 1.003, 1.01, 1.02, 1.05, 1.09, 1.5, 1.99, 2.3, 4.1, 8.6,
        ] {
            let hz = part * 11_025.0;
            if 2.0 * hz < f64::from(input) {
                let remainder = remainder(input, 22_050, hz);
                assert!(
                    remainder < -100.0,
                    "{input} Hz, {part} of Nyquist: {remainder} dB"
                );
            }
        }
    }
}

#[test]
fn equal_rates_pass_bit_by_bit_at_once() {
    let noise: Vec<f32> = (0..1_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_769) as f32).sin())
        .collect();
    let mut resampler = resampler(16_000, 16_000);
    let mut output = Vec::new();
    resampler.push(&noise, &mut |samples| output.extend_from_slice(samples));
    assert_eq!(output, noise);
    assert_eq!(resampler.look_ahead(), Duration::ZERO);
}

#[test]
fn streams_of_a_rate_pair_share_their_tables() {
    let first = ResamplerTables::shared(rate(16_000), rate(22_050)).unwrap();
    let second = ResamplerTables::shared(rate(16_000), rate(22_050)).unwrap();
    let other = ResamplerTables::shared(rate(16_000), rate(24_000)).unwrap();
    assert!(Arc::ptr_eq(&first, &second));
    assert!(!Arc::ptr_eq(&first, &other));
}

/// Rates near a package's, where phases are many, and anywhere.
fn rates() -> impl Strategy<Value = (u32, u32)> {
    let output = prop::sample::select(vec![8_000_u32, 16_000, 22_050, 44_100, 48_000]);
    (
        prop_oneof![8_000_u32..=9_000, 21_000_u32..=23_000, 8_000_u32..=192_000],
        output,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn cuts_do_not_matter(
        (input, output) in rates(),
        samples in prop::collection::vec(-1.0_f32..1.0, 0..6_000),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let resampler = resampler(input, output);
        let whole = convert(resampler.clone(), [&samples[..]]);
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(samples.len() + 1)).collect();
        places.extend([0, samples.len()]);
        places.sort_unstable();
        let pieces = places.windows(2).map(|ends| &samples[ends[0]..ends[1]]);
        prop_assert_eq!(&convert(resampler.clone(), pieces), &whole);
        prop_assert_eq!(&convert(resampler, samples.chunks(1)), &whole);
        let expected = (samples.len() as u64 * u64::from(output)).div_ceil(u64::from(input));
        prop_assert_eq!(whole.len() as u64, expected);
    }

    /// Every output sample comes as soon as the look-ahead after it is there.
    #[test]
    fn the_look_ahead_is_kept((input, output) in rates(), samples in 0_usize..6_000) {
        let mut resampler = resampler(input, output);
        let look_ahead = resampler.look_ahead();
        prop_assert!(look_ahead <= Duration::from_millis(10), "{:?}", look_ahead);
        let mut count = 0;
        resampler.push(&vec![0.0; samples], &mut |output| count += output.len());
        let ahead = (look_ahead.as_secs_f64() * f64::from(input)).floor() as u64;
        let due = (samples as u64).saturating_sub(ahead) * u64::from(output) / u64::from(input);
        prop_assert!(count as u64 >= due, "{} of {}", count, due);
    }

    #[test]
    fn tables_stay_small((input, output) in rates()) {
        let tables = ResamplerTables::shared(rate(input), rate(output)).unwrap();
        prop_assert!(tables.bytes() <= 5 << 18, "{} bytes", tables.bytes());
    }
}
