//! What a step does with its sums: opens the gates and moves the states.

use crate::{
    math::{
        exp2, sigmoid_exponent, sigmoid_of_power, sigmoid_times_tanh, tanh_exponent, tanh_of_power,
    },
    simd::Simd,
    tile::{Sums, VECTORS},
};

/// The hidden states of `ROWS` vectors of units, whose cell states move on.
#[inline(always)]
pub(super) fn advance<S: Simd, const ROWS: usize>(
    simd: S,
    sums: &Sums<S, ROWS>,
    cells: &mut [S::Vector; ROWS],
) -> [S::Vector; ROWS] {
    let mut output_powers = *cells;
    for (row, cell) in cells.iter_mut().enumerate() {
        let [input, output, forget, candidate] = powers(simd, sums[row]);
        let kept = simd.mul(sigmoid_of_power(simd, forget), *cell);
        *cell = simd.add(kept, sigmoid_times_tanh(simd, input, candidate));
        output_powers[row] = output;
    }
    let mut hidden = *cells;
    for hidden in &mut hidden {
        *hidden = tanh_exponent(simd, *hidden);
    }
    hidden = exp2(simd, hidden);
    for (hidden, output) in hidden.iter_mut().zip(output_powers) {
        *hidden = sigmoid_times_tanh(simd, output, *hidden);
    }
    hidden
}

/// As [`advance`] for one vector of units, but gives the opened gates too, which the
/// backward pass needs.
#[inline(always)]
pub(super) fn advance_open<S: Simd>(
    simd: S,
    sums: [S::Vector; VECTORS],
    cell: &mut S::Vector,
) -> ([S::Vector; VECTORS], S::Vector) {
    let [input, output, forget, candidate] = powers(simd, sums);
    let input = sigmoid_of_power(simd, input);
    let output = sigmoid_of_power(simd, output);
    let forget = sigmoid_of_power(simd, forget);
    let candidate = tanh_of_power(simd, candidate);
    *cell = simd.mul_add(input, candidate, simd.mul(forget, *cell));
    let hidden = simd.mul(output, crate::math::tanh(simd, *cell));
    ([input, output, forget, candidate], hidden)
}

/// The exponentials that the gates are made of.
#[inline(always)]
fn powers<S: Simd>(
    simd: S,
    [input, output, forget, candidate]: [S::Vector; VECTORS],
) -> [S::Vector; VECTORS] {
    let exponents = [
        sigmoid_exponent(simd, input),
        sigmoid_exponent(simd, output),
        sigmoid_exponent(simd, forget),
        tanh_exponent(simd, candidate),
    ];
    exp2(simd, exponents)
}
