//! Each operation of each instruction set against the same in plain floats.

use super::{Kernel, Simd};
use crate::InstructionSet;

const A: [f32; 16] = [
    0.0, 1.0, -1.0, 0.5, -0.5, 2.75, -2.75, 1e-3, -1e-3, 100.25, -100.25, 7.0, -7.0, 3.999, -3.999,
    0.25,
];
const B: [f32; 16] = [
    1.0, 2.0, -3.0, 0.25, 4.0, -0.125, 8.0, 1.5, -1.5, 3.0, -3.0, 0.75, -0.75, 5.0, -5.0, 6.0,
];

/// Values of every operation on `A` and `B`, lane by lane, for the lanes there are.
struct Operations;

impl Kernel for Operations {
    type Output = Vec<[Vec<f32>; 9]>;

    fn run<S: Simd>(self, simd: S) -> Self::Output {
        let values = |vector| {
            let mut values = vec![0.0; S::LANES];
            simd.store(&mut values, vector);
            values
        };
        let parts = A.chunks(S::LANES).zip(B.chunks(S::LANES));
        parts
            .map(|(a, b)| {
                let (a, b) = (simd.load(a), simd.load(b));
                [
                    simd.add(a, b),
                    simd.sub(a, b),
                    simd.mul(a, b),
                    simd.div(a, b),
                    simd.min(a, b),
                    simd.max(a, b),
                    simd.mul_add(a, b, simd.splat(0.5)),
                    simd.fraction(a),
                    simd.scale(simd.splat(1.5), a),
                ]
                .map(values)
            })
            .collect()
    }
}

#[test]
fn operations_agree_with_plain_floats() {
    let plain: [fn(f32, f32) -> f32; 9] = [
        |a, b| a + b,
        |a, b| a - b,
        |a, b| a * b,
        |a, b| a / b,
        f32::min,
        f32::max,
        |a, b| a.mul_add(b, 0.5),
        |a, _| a - a.floor(),
        |a, _| 1.5 * a.floor().exp2(),
    ];
    for set in InstructionSet::available() {
        let parts = set.run(Operations);
        assert_eq!(parts[0][0].len(), set.lanes(), "{set}");
        for (operation, plain) in plain.into_iter().enumerate() {
            let found: Vec<f32> = parts
                .iter()
                .flat_map(|part| part[operation].iter().copied())
                .collect();
            for (lane, found) in found.into_iter().enumerate() {
                let expected = plain(A[lane], B[lane]);
                let off = (found - expected).abs();
                assert!(
                    off <= expected.abs() * 1e-6,
                    "{set}, operation {operation} of {} and {}: {found}, not {expected}",
                    A[lane],
                    B[lane]
                );
            }
        }
    }
}

/// What `min`, `max`, `fraction` and `scale` promise of NaN and infinities.
struct Edges;

impl Kernel for Edges {
    type Output = Vec<f32>;

    fn run<S: Simd>(self, simd: S) -> Vec<f32> {
        let (one, nan) = (simd.splat(1.0), simd.splat(f32::NAN));
        let (most, least) = (simd.splat(f32::INFINITY), simd.splat(f32::NEG_INFINITY));
        let vectors = [
            simd.min(one, nan),
            simd.max(one, nan),
            simd.fraction(nan),
            simd.scale(nan, one),
            simd.min(nan, one),
            simd.max(nan, one),
            simd.fraction(most),
            simd.fraction(least),
            simd.scale(one, most),
            simd.scale(one, least),
        ];
        let first = |vector| {
            let mut values = [0.0; 16];
            simd.store(&mut values, vector);
            values[0]
        };
        vectors.map(first).to_vec()
    }
}

#[test]
fn nan_and_infinities_go_where_they_should() {
    for set in InstructionSet::available() {
        let found = set.run(Edges);
        assert!(
            found[..4].iter().all(|value| value.is_nan()),
            "{set}: {found:?}"
        );
        let expected = [1.0, 1.0, 0.0, 0.0, f32::INFINITY, 0.0];
        assert_eq!(found[4..], expected, "{set}");
    }
}
