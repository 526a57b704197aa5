//! Exponential, sigmoid and hyperbolic tangent.
//!
//! All rest on `2^x = 2^⌊x⌋ · p(x - ⌊x⌋)` with a polynomial p of degree five, which is exact at
//! both ends of 0 to 1 and elsewhere within 9.3e-8 of the power (the minimax error under
//! that condition, found by iteratively reweighted least squares).
//!
//! Several vectors go side by side, so that the chain of one fills the gaps of another.

use std::f32::consts::LOG2_E;

use crate::simd::Simd;

/// Coefficients of `2^x` on 0 to 1 from x⁵ down.
const POWER_OF_TWO: [f32; 6] = [
    1.879_318_6e-3,
    8.990_995e-3,
    5.581_867_7e-2,
    2.401_592_7e-1,
    6.931_517e-1,
    1.0,
];

/// Where the exponent of `exp(-2·x)` is cut, which stands above and below the line of the
/// hyperbolic tangent: infinity by infinity would be NaN. From 25 on the quotient is -1
/// to the last bit.
const MOST_TANH_EXPONENT: f32 = 60.0;

/// `2^x` of at most eight vectors, in place.
#[inline(always)]
pub(crate) fn exp2<S: Simd>(simd: S, x: &mut [S::Vector]) {
    let mut powers = [(simd.splat(0.0), simd.splat(POWER_OF_TWO[0])); 8];
    for (x, (fraction, _)) in x.iter().zip(&mut powers) {
        *fraction = simd.fraction(*x);
    }
    for coefficient in &POWER_OF_TWO[1..] {
        for (_, (fraction, power)) in x.iter().zip(&mut powers) {
            *power = simd.mul_add(*power, *fraction, simd.splat(*coefficient));
        }
    }
    for (x, (_, power)) in x.iter_mut().zip(powers) {
        *x = simd.scale(power, *x);
    }
}

/// `exp(x)`.
#[inline(always)]
pub(crate) fn exp<S: Simd>(simd: S, x: S::Vector) -> S::Vector {
    let mut power = [simd.mul(x, simd.splat(LOG2_E))];
    exp2(simd, &mut power);
    power[0]
}

/// What `exp2` takes to give `exp(-x)`.
#[inline(always)]
pub(crate) fn sigmoid_exponent<S: Simd>(simd: S, x: S::Vector) -> S::Vector {
    simd.mul(x, simd.splat(-LOG2_E))
}

/// What `exp2` takes to give `exp(-2·x)`, cut where the hyperbolic tangent is -1 anyway.
#[inline(always)]
pub(crate) fn tanh_exponent<S: Simd>(simd: S, x: S::Vector) -> S::Vector {
    let exponent = simd.mul(x, simd.splat(-2.0 * LOG2_E));
    simd.min(simd.splat(MOST_TANH_EXPONENT), exponent)
}

/// `1 / (1 + power)`: the sigmoid from `exp(-x)`.
#[inline(always)]
pub(crate) fn sigmoid_of_power<S: Simd>(simd: S, power: S::Vector) -> S::Vector {
    let one = simd.splat(1.0);
    simd.div(one, simd.add(one, power))
}

/// `(1 - power) / (1 + power)`: the hyperbolic tangent from `exp(-2·x)`.
#[inline(always)]
pub(crate) fn tanh_of_power<S: Simd>(simd: S, power: S::Vector) -> S::Vector {
    let one = simd.splat(1.0);
    simd.div(simd.sub(one, power), simd.add(one, power))
}

/// The product of a sigmoid and a hyperbolic tangent in one division.
#[inline(always)]
pub(crate) fn sigmoid_times_tanh<S: Simd>(
    simd: S,
    sigmoid_power: S::Vector,
    tanh_power: S::Vector,
) -> S::Vector {
    let one = simd.splat(1.0);
    let below = simd.mul(simd.add(one, sigmoid_power), simd.add(one, tanh_power));
    simd.div(simd.sub(one, tanh_power), below)
}

/// `1 / (1 + exp(-x))`.
#[inline(always)]
pub(crate) fn sigmoid<S: Simd>(simd: S, x: S::Vector) -> S::Vector {
    let mut power = [sigmoid_exponent(simd, x)];
    exp2(simd, &mut power);
    sigmoid_of_power(simd, power[0])
}

/// The hyperbolic tangent.
#[inline(always)]
pub(crate) fn tanh<S: Simd>(simd: S, x: S::Vector) -> S::Vector {
    let mut power = [tanh_exponent(simd, x)];
    exp2(simd, &mut power);
    tanh_of_power(simd, power[0])
}
