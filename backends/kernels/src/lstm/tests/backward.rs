use proptest::prelude::*;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::{
    Case, Outputs, assert_close,
    reference::{Gradients, Layer, Weights},
};
use crate::{InstructionSet, LstmGradients, LstmInputs, LstmUpstream, Scratch, TrainingLstm};

/// The gradients of a loss by the outputs.
struct Upstream {
    h: Vec<f32>,
    c: Vec<f32>,
    all: Vec<f32>,
}

impl Upstream {
    fn new(case: &Case, seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut values = |count: usize| -> Vec<f32> {
            (0..count).map(|_| random.random_range(-1.0..1.0)).collect()
        };
        let state = case.rows * case.hidden;
        Self {
            h: values(state),
            c: values(state),
            all: values(case.steps * state),
        }
    }

    fn weights(&self) -> Weights {
        Weights::new(&self.h, &self.c, &self.all)
    }
}

#[derive(Debug, PartialEq)]
struct Found {
    x: Vec<f32>,
    w: Vec<f32>,
    r: Vec<f32>,
    b: Vec<f32>,
    h0: Vec<f32>,
    c0: Vec<f32>,
}

fn gradients(case: &Case, upstream: LstmUpstream<'_>, set: InstructionSet) -> Found {
    let lstm = TrainingLstm::new(case.weights(), set).unwrap();
    let mut scratch = Scratch::new();
    let mut outputs = Outputs::new(case);
    let saved = lstm
        .forward(&mut scratch, case.inputs(), outputs.targets())
        .unwrap();
    let expected = Layer::new(case).forward();
    assert_close(&format!("{set} h"), &outputs.h, &expected.h, 5e-6);
    assert_close(&format!("{set} c"), &outputs.c, &expected.c, 5e-6);
    assert_close(&format!("{set} all"), &outputs.all, &expected.all, 5e-6);

    let unset = |len: usize| vec![f32::NAN; len];
    let state = case.rows * case.hidden;
    let mut found = Found {
        x: unset(case.x.len()),
        w: unset(case.w.len()),
        r: unset(case.r.len()),
        b: unset(case.b.len()),
        h0: unset(state),
        c0: unset(state),
    };
    let targets = LstmGradients {
        x: Some(&mut found.x),
        w: Some(&mut found.w),
        r: Some(&mut found.r),
        b: Some(&mut found.b),
        h0: Some(&mut found.h0),
        c0: Some(&mut found.c0),
    };
    lstm.backward(&mut scratch, case.inputs(), &saved, upstream, targets)
        .unwrap();
    found
}

/// Within 1e-5 of the reference, relative to the greatest gradient by that tensor.
fn assert_agrees(found: &Found, expected: &Gradients, set: InstructionSet) {
    let pairs = [
        ("x", &found.x, &expected.x),
        ("w", &found.w, &expected.w),
        ("r", &found.r, &expected.r),
        ("b", &found.b, &expected.b),
        ("h0", &found.h0, &expected.h0),
        ("c0", &found.c0, &expected.c0),
    ];
    for (name, found, expected) in pairs {
        let greatest = expected
            .iter()
            .fold(1.0, |max: f64, value| max.max(value.abs()));
        assert_close(&format!("{set} {name}"), found, expected, 1e-5 * greatest);
    }
}

fn agrees_with_the_reference(case: &Case, seed: u64) {
    let upstream = Upstream::new(case, seed);
    let expected = Layer::new(case).backward(&upstream.weights());
    for set in InstructionSet::available() {
        let given = LstmUpstream {
            h: Some(&upstream.h),
            c: Some(&upstream.c),
            all: Some(&upstream.all),
        };
        assert_agrees(&gradients(case, given, set), &expected, set);
    }
}

#[test]
fn the_reference_agrees_with_finite_differences() {
    let case = Case::new([2, 3, 4, 3], false, 11);
    let layer = Layer::new(&case);
    let weights = Upstream::new(&case, 12).weights();
    let found = layer.backward(&weights);
    type Field = fn(&mut Layer) -> &mut Vec<f64>;
    let fields: [(&str, &[f64], Field); 6] = [
        ("x", &found.x, |layer| &mut layer.x),
        ("w", &found.w, |layer| &mut layer.w),
        ("r", &found.r, |layer| &mut layer.r),
        ("b", &found.b, |layer| &mut layer.b),
        ("h0", &found.h0, |layer| &mut layer.h0),
        ("c0", &found.c0, |layer| &mut layer.c0),
    ];
    let width = 1e-5;
    for (name, found, field) in fields {
        for (index, found) in found.iter().enumerate() {
            let loss = |offset: f64| {
                let mut moved = layer.clone();
                field(&mut moved)[index] += offset;
                moved.loss(&weights)
            };
            let slope = (loss(width) - loss(-width)) / (2.0 * width);
            assert!(
                (found - slope).abs() < 1e-8,
                "{name}[{index}]: {found} where {slope} was expected"
            );
        }
    }
}

#[test]
fn the_seed_model_agrees_with_the_reference() {
    agrees_with_the_reference(&Case::new([1, 123, 40, 16], true, 13), 14);
}

#[test]
fn only_the_gradients_asked_for_are_written() {
    let case = Case::new([3, 18, 5, 4], false, 15);
    let upstream = Upstream::new(&case, 16);
    for set in InstructionSet::available() {
        let last = LstmUpstream {
            h: Some(&upstream.h),
            ..LstmUpstream::default()
        };
        let all = gradients(&case, last, set);
        let lstm = TrainingLstm::new(case.weights(), set).unwrap();
        let mut scratch = Scratch::new();
        let mut outputs = Outputs::new(&case);
        let saved = lstm
            .forward(&mut scratch, case.inputs(), outputs.targets())
            .unwrap();
        let mut r = vec![f32::NAN; case.r.len()];
        let targets = LstmGradients {
            r: Some(&mut r),
            ..LstmGradients::default()
        };
        lstm.backward(&mut scratch, case.inputs(), &saved, last, targets)
            .unwrap();
        assert_eq!(r, all.r, "{set}");
    }
}

#[test]
fn absent_upstream_gradients_are_zeros() {
    let case = Case::new([3, 18, 5, 4], false, 17);
    let mut upstream = Upstream::new(&case, 18);
    upstream.c.fill(0.0);
    upstream.all.fill(0.0);
    let expected = Layer::new(&case).backward(&upstream.weights());
    for set in InstructionSet::available() {
        let last = LstmUpstream {
            h: Some(&upstream.h),
            ..LstmUpstream::default()
        };
        assert_agrees(&gradients(&case, last, set), &expected, set);
    }
}

#[test]
fn what_lies_behind_the_valid_steps_changes_nothing() {
    let mut case = Case::new([3, 18, 5, 4], false, 21);
    case.valid_steps = Some(vec![5, 0, 3, 1]);
    let upstream = Upstream::new(&case, 22);
    let given = LstmUpstream {
        h: Some(&upstream.h),
        c: Some(&upstream.c),
        all: Some(&upstream.all),
    };
    let expected = Layer::new(&case).backward(&upstream.weights());
    for (row, valid) in [5, 0, 3, 1].into_iter().enumerate() {
        for step in valid..case.steps {
            case.x[(step * case.rows + row) * case.width..][..case.width].fill(f32::NAN);
        }
    }
    for set in InstructionSet::available() {
        assert_agrees(&gradients(&case, given, set), &expected, set);
    }
}

#[test]
fn more_steps_than_there_are_values_for_are_refused() {
    let case = Case::new([2, 5, 3, 2], true, 23);
    let lstm = TrainingLstm::new(case.weights(), InstructionSet::Portable).unwrap();
    for (steps, reason) in [
        (1 << 40, "x [steps, rows, width] has 12 values where"),
        (
            usize::MAX,
            "x [steps, rows, width] has a shape beyond any memory",
        ),
    ] {
        let inputs = LstmInputs {
            steps,
            ..case.inputs()
        };
        let mut outputs = Outputs::new(&case);
        let refused = lstm.forward(&mut Scratch::new(), inputs, outputs.targets());
        let text = refused.unwrap_err().to_string();
        assert!(text.starts_with(reason), "{text}");
    }
}

#[test]
fn steps_saved_by_another_call_are_refused() {
    let case = Case::new([2, 5, 3, 2], true, 19);
    let other = Case::new([2, 5, 3, 4], true, 20);
    let lstm = TrainingLstm::new(case.weights(), InstructionSet::Portable).unwrap();
    let mut scratch = Scratch::new();
    let mut outputs = Outputs::new(&other);
    let saved = lstm
        .forward(&mut scratch, other.inputs(), outputs.targets())
        .unwrap();
    let refused = lstm.backward(
        &mut scratch,
        case.inputs(),
        &saved,
        LstmUpstream::default(),
        LstmGradients::default(),
    );
    assert_eq!(
        refused.unwrap_err().to_string(),
        "saved [steps, rows, 4·padded hidden] has 384 values where 192 were expected"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_shape_agrees_with_the_reference(
        width in 1_usize..=40,
        hidden in prop_oneof![1_usize..40, Just(123)],
        steps in 1_usize..=20,
        rows in 1_usize..=9,
        plain: bool,
        seed: u64,
    ) {
        agrees_with_the_reference(&Case::new([width, hidden, steps, rows], plain, seed), seed);
    }
}
