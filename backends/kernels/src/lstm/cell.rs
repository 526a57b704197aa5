//! What a step does with its sums: opens the gates and moves the states.

use crate::{
    math::{
        exp2, sigmoid_exponent, sigmoid_of_power, sigmoid_times_tanh, tanh, tanh_exponent,
        tanh_of_power,
    },
    simd::Simd,
    tile::Sums,
};

/// The hidden states of vectors of units, whose cell states move on.
#[inline(always)]
pub(super) fn advance<S: Simd, const N: usize>(
    simd: S,
    sums: Sums<S, N>,
    c: &mut [S::Vector; N],
) -> [S::Vector; N] {
    let powers = powers(simd, sums);
    for (c, [input, _, forget, candidate]) in c.iter_mut().zip(powers) {
        let kept = simd.mul(sigmoid_of_power(simd, forget), *c);
        *c = simd.add(kept, sigmoid_times_tanh(simd, input, candidate));
    }
    let mut h = *c;
    for h in &mut h {
        *h = tanh_exponent(simd, *h);
    }
    exp2(simd, &mut h);
    for (h, [_, output, _, _]) in h.iter_mut().zip(powers) {
        *h = sigmoid_times_tanh(simd, output, *h);
    }
    h
}

/// As [`advance`], but gives the opened gates too, which the backward pass needs.
#[inline(always)]
pub(super) fn advance_open<S: Simd, const N: usize>(
    simd: S,
    sums: Sums<S, N>,
    c: &mut [S::Vector; N],
) -> (Sums<S, N>, [S::Vector; N]) {
    let mut gates = powers(simd, sums);
    let mut h = *c;
    for (n, [input, output, forget, candidate]) in gates.iter_mut().enumerate() {
        for gate in [&mut *input, &mut *output, &mut *forget] {
            *gate = sigmoid_of_power(simd, *gate);
        }
        *candidate = tanh_of_power(simd, *candidate);
        c[n] = simd.mul_add(*input, *candidate, simd.mul(*forget, c[n]));
        h[n] = simd.mul(*output, tanh(simd, c[n]));
    }
    (gates, h)
}

/// The exponentials that the gates are made of.
#[inline(always)]
fn powers<S: Simd, const N: usize>(simd: S, mut sums: Sums<S, N>) -> Sums<S, N> {
    for [input, output, forget, candidate] in &mut sums {
        for gate in [input, output, forget] {
            *gate = sigmoid_exponent(simd, *gate);
        }
        *candidate = tanh_exponent(simd, *candidate);
    }
    exp2(simd, sums.as_flattened_mut());
    sums
}
