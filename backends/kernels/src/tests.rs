//! Functions, dense layers and vectors, on every instruction set that is here.

use proptest::prelude::*;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use crate::{Activation, InstructionSet, PackedDense, exp, sigmoid, softmax, tanh};

/// Every 257th float there is, which takes in all exponents and both signs.
fn floats() -> Vec<f32> {
    let all = (0..=u32::MAX).step_by(257).map(f32::from_bits);
    all.filter(|value| !value.is_nan()).collect()
}

/// The greatest error over `floats`.
fn greatest_error(
    set: InstructionSet,
    function: fn(&mut [f32], InstructionSet) -> Result<(), crate::KernelError>,
    error: impl Fn(f64, f64) -> f64,
) -> f64 {
    let inputs = floats();
    let mut values = inputs.clone();
    function(&mut values, set).unwrap();
    let errors = inputs.iter().zip(&values).map(|(input, value)| {
        assert!(!value.is_nan(), "{set}: NaN for {input}");
        error(f64::from(*input), f64::from(*value))
    });
    errors.fold(0.0, f64::max)
}

#[test]
fn sigmoid_keeps_its_bound() {
    for set in InstructionSet::available() {
        let error = greatest_error(set, sigmoid, |x, y| (y - 1.0 / (1.0 + (-x).exp())).abs());
        assert!(error <= 1.5e-7, "{set}: {error:e}");
    }
}

#[test]
fn tanh_keeps_its_bound() {
    for set in InstructionSet::available() {
        let error = greatest_error(set, tanh, |x, y| (y - x.tanh()).abs());
        assert!(error <= 2.5e-7, "{set}: {error:e}");
    }
}

#[test]
fn exp_keeps_its_bound() {
    for set in InstructionSet::available() {
        let error = greatest_error(set, exp, |x, y| {
            let expected = x.exp();
            if expected < f64::from(f32::MIN_POSITIVE) {
                // A number that isn't normal, or zero.
                return if y <= f64::from(f32::MIN_POSITIVE) {
                    0.0
                } else {
                    f64::MAX
                };
            }
            if expected > f64::from(f32::MAX) {
                return if y >= f64::from(f32::MAX) * 0.999 {
                    0.0
                } else {
                    f64::MAX
                };
            }
            if y.is_infinite() {
                // Rounded up over the greatest float.
                return if expected > f64::from(f32::MAX) * 0.999 {
                    0.0
                } else {
                    f64::MAX
                };
            }
            (y / expected - 1.0).abs() / (2.0 + x.abs())
        });
        assert!(error <= 1.2e-7, "{set}: {error:e}");
    }
}

#[test]
fn functions_meet_their_exact_values() {
    for set in InstructionSet::available() {
        let mut values = [0.0, -0.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN];
        let mut opened = values;
        let mut squashed = values;
        exp(&mut values, set).unwrap();
        sigmoid(&mut opened, set).unwrap();
        tanh(&mut squashed, set).unwrap();
        assert_eq!(values[..4], [1.0, 1.0, f32::INFINITY, 0.0], "{set}");
        assert_eq!(opened[..4], [0.5, 0.5, 1.0, 0.0], "{set}");
        assert_eq!(squashed[..4], [0.0, 0.0, 1.0, -1.0], "{set}");
        assert!(values[4].is_nan() && opened[4].is_nan() && squashed[4].is_nan());
    }
}

#[test]
fn softmax_sums_to_one_and_orders_as_its_input() {
    for set in InstructionSet::available() {
        for width in [1, 3, 7, 8, 16, 19, 40] {
            let mut random = ChaCha8Rng::seed_from_u64(width as u64);
            let inputs: Vec<f32> = (0..5 * width)
                .map(|_| random.random_range(-30.0..30.0))
                .collect();
            let mut found = inputs.clone();
            softmax(&mut found, width, set).unwrap();
            for (row, inputs) in found.chunks(width).zip(inputs.chunks(width)) {
                let powers = inputs.iter().map(|input| f64::from(*input).exp());
                let sum: f64 = powers.clone().sum();
                for (found, power) in row.iter().zip(powers) {
                    let off = (f64::from(*found) - power / sum).abs();
                    assert!(off < 5e-7, "{set} {width}: {found}");
                }
            }
        }
    }
}

#[test]
fn softmax_keeps_rows_apart_and_takes_infinities() {
    for set in InstructionSet::available() {
        let mut values = [1.0, f32::NAN, 2.0, f32::NEG_INFINITY, 1000.0, 1000.0];
        softmax(&mut values, 2, set).unwrap();
        assert!(values[0].is_nan() && values[1].is_nan(), "{set}");
        assert_eq!(values[2..], [1.0, 0.0, 0.5, 0.5], "{set}");
        assert_eq!(
            softmax(&mut values, 4, set).unwrap_err().to_string(),
            "values [rows, width] has 6 values where 4 were expected"
        );
    }
}

fn activate(activation: Activation, x: f64) -> f64 {
    match activation {
        Activation::None => x,
        Activation::Relu => x.max(0.0),
        Activation::Tanh => x.tanh(),
        Activation::Sigmoid => 1.0 / (1.0 + (-x).exp()),
    }
}

#[test]
fn relu_keeps_nan_in_its_row() {
    for set in InstructionSet::available() {
        let dense = PackedDense::new(2, 3, &[1.0, -1.0, 0.5, 1.0, -1.0, 0.5], &[0.0; 3], set);
        let mut y = [9.0; 6];
        let dense = dense.unwrap();
        dense
            .run(2, &[f32::NAN, 1.0, 2.0, 2.0], &mut y, Activation::Relu)
            .unwrap();
        assert!(y[..3].iter().all(|value| value.is_nan()), "{set}");
        assert_eq!(y[3..], [4.0, 0.0, 2.0], "{set}");
    }
}

#[test]
fn a_dense_layer_refuses_what_does_not_fit() {
    let set = InstructionSet::Portable;
    let refused = PackedDense::new(2, 3, &[0.0; 5], &[0.0; 3], set).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "weight [inputs, outputs] has 5 values where 6 were expected"
    );
    let vast = PackedDense::new(usize::MAX, 3, &[0.0; 6], &[0.0; 3], set).unwrap_err();
    assert_eq!(
        vast.to_string(),
        "weight [inputs, outputs] has a shape beyond any memory"
    );
    let dense = PackedDense::new(2, 3, &[0.0; 6], &[0.0; 3], set).unwrap();
    let vast = dense.run(usize::MAX, &[0.0; 2], &mut [0.0; 2], Activation::None);
    assert_eq!(
        vast.unwrap_err().to_string(),
        "x [rows, inputs] has a shape beyond any memory"
    );
    let refused = dense.run(1, &[0.0; 2], &mut [0.0; 2], Activation::None);
    assert_eq!(
        refused.unwrap_err().to_string(),
        "y [rows, outputs] has 2 values where 3 were expected"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_dense_layer_agrees_with_plain_sums(
        inputs in 1_usize..=130,
        outputs in 1_usize..=130,
        rows in 0_usize..=20,
        activation in prop::sample::select(vec![
            Activation::None, Activation::Relu, Activation::Tanh, Activation::Sigmoid,
        ]),
        seed: u64,
    ) {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut values = |count: usize| -> Vec<f32> {
            (0..count).map(|_| random.random_range(-1.0..1.0)).collect()
        };
        let (weight, bias, x) = (values(inputs * outputs), values(outputs), values(rows * inputs));
        for set in InstructionSet::available() {
            let dense = PackedDense::new(inputs, outputs, &weight, &bias, set).unwrap();
            let mut y = vec![f32::NAN; rows * outputs];
            dense.run(rows, &x, &mut y, activation).unwrap();
            for row in 0..rows {
                let x = &x[row * inputs..][..inputs];
                for column in 0..outputs {
                    let products = x.iter().enumerate().map(|(k, x)| {
                        f64::from(*x) * f64::from(weight[k * outputs + column])
                    });
                    let sum = f64::from(bias[column]) + products.sum::<f64>();
                    let off = f64::from(y[row * outputs + column]) - activate(activation, sum);
                    prop_assert!(off.abs() < 2e-5, "{} {}", set, off);
                }
                let mut alone = vec![f32::NAN; outputs];
                dense.run(1, x, &mut alone, activation).unwrap();
                prop_assert_eq!(&alone[..], &y[row * outputs..][..outputs], "{}", set);
            }
        }
    }
}
