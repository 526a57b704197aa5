//! Power to decibels.

use std::f32::consts::{LN_2, LN_10, SQRT_2};

/// `10·log10(max(amin, power))` of every value, within 1e-4 dB.
///
/// Finite whatever comes in: an `amin` that is normal and above 0 also stands in
/// for NaN, and infinity counts as 2^128.
#[inline(always)]
pub(crate) fn power_to_db(powers: &mut [f32], amin: f32) {
    for power in powers {
        *power = 10.0 / LN_10 * ln(power.max(amin));
    }
}

/// The natural logarithm of a normal positive number. The standard library's
/// can't be vectorised, and there are 128 of them a frame.
///
/// Splits `x` into 2^exponent and a mantissa of √½ to √2. The polynomial is that
/// of `logf` in the Cephes Mathematical Library.
#[inline(always)]
fn ln(x: f32) -> f32 {
    let bits = x.to_bits();
    let exponent = (bits.wrapping_sub((SQRT_2 / 2.0).to_bits()) as i32) >> 23;
    let t = f32::from_bits(bits.wrapping_sub((exponent << 23) as u32)) - 1.0;
    let mut sum = 7.037_683_6e-2;
    for coefficient in [
        -1.151_461e-1,
        1.167_699_9e-1,
        -1.242_014_1e-1,
        1.424_932_3e-1,
        -1.666_805_8e-1,
        2.000_071_5e-1,
        -2.499_999_4e-1,
        3.333_333e-1,
    ] {
        sum = sum * t + coefficient;
    }
    let t2 = t * t;
    exponent as f32 * LN_2 + (t + (t2 * t * sum - 0.5 * t2))
}

#[cfg(test)]
mod tests {
    use super::power_to_db;

    fn db(power: f32, amin: f32) -> f32 {
        let mut values = [power];
        power_to_db(&mut values, amin);
        values[0]
    }

    #[test]
    fn agrees_with_double_precision_over_the_whole_range() {
        let mut bits = f32::MIN_POSITIVE.to_bits();
        while bits < f32::MAX.to_bits() {
            let power = f32::from_bits(bits);
            let exact = 10.0 * f64::from(power).log10();
            let error = (f64::from(db(power, f32::MIN_POSITIVE)) - exact).abs();
            assert!(error < 1e-4, "{power:e}: off by {error:e} dB");
            bits += 4_099;
        }
    }

    #[test]
    fn every_input_has_a_finite_level() {
        for power in [0.0, -1.0, f32::NAN, f32::NEG_INFINITY, 1e-30] {
            assert!((db(power, 1e-10) + 100.0).abs() < 1e-4, "{power}");
        }
        assert!((db(f32::INFINITY, 1e-10) - 385.318).abs() < 1e-3);
    }
}
