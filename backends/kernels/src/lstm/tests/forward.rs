use proptest::prelude::*;

use super::{Case, assert_close, reference::Layer};
use crate::{
    InstructionSet, KernelError, LstmInputs, LstmOutputs, LstmWeights, PackedLstm, Scratch,
};

/// How far 50 steps of rounding and of approximate activations take a state, at most.
const TOLERANCE: f64 = 5e-6;

fn agrees_with_the_reference(case: &Case) {
    let expected = Layer::new(case).forward();
    for set in InstructionSet::available() {
        let found = case.run(set);
        assert_close(&format!("{set} h"), &found.h, &expected.h, TOLERANCE);
        assert_close(&format!("{set} c"), &found.c, &expected.c, TOLERANCE);
        assert_close(&format!("{set} all"), &found.all, &expected.all, TOLERANCE);
    }
}

#[test]
fn the_seed_model_agrees_with_the_reference() {
    for rows in [1, 2, 3, 7, 64] {
        agrees_with_the_reference(&Case::new([1, 123, 40, rows], true, rows as u64));
    }
}

#[test]
fn awkward_sizes_agree_with_the_reference() {
    for hidden in [1, 5, 16, 17, 123, 128, 200] {
        for width in [1, 3, 40] {
            for rows in [1, 2, 5, 8] {
                agrees_with_the_reference(&Case::new([width, hidden, 7, rows], false, 1));
            }
        }
    }
}

#[test]
fn no_steps_give_the_states_back() {
    let case = Case::new([3, 17, 0, 2], false, 0);
    for set in InstructionSet::available() {
        let outputs = case.run(set);
        assert_eq!(Some(outputs.h), case.h0);
        assert_eq!(Some(outputs.c), case.c0);
    }
}

#[test]
fn no_rows_are_no_work() {
    let case = Case::new([3, 17, 4, 0], false, 0);
    for set in InstructionSet::available() {
        assert!(case.run(set).all.is_empty());
    }
}

#[test]
fn a_row_whose_steps_are_over_keeps_its_states() {
    let mut case = Case::new([2, 20, 9, 8], false, 3);
    case.valid_steps = Some(vec![0, 9, 4, 9, 0, 1, 9, 8]);
    let mut longer = case.row(2);
    longer.steps = 4;
    longer.x.truncate(4 * 2);
    longer.valid_steps = None;
    for set in InstructionSet::available() {
        let outputs = case.run(set);
        let alone = longer.run(set);
        let row = outputs.row(&case, 2);
        assert_eq!((row.h, row.c), (alone.h, alone.c), "{set}");
        assert_eq!(row.all[..4 * 20], alone.all, "{set}");
        assert!(row.all[4 * 20..].iter().all(|value| *value == 0.0), "{set}");
    }
}

#[test]
fn a_row_of_nan_spoils_only_itself() {
    for rows in [2, 3, 5, 6, 13] {
        let clean = Case::new([2, 21, 6, rows], true, 5);
        for spoilt in [0, rows / 2, rows - 1] {
            let mut case = Case::new([2, 21, 6, rows], true, 5);
            let step = 2;
            case.x[(step * rows + spoilt) * 2] = f32::NAN;
            for set in InstructionSet::available() {
                let (found, expected) = (case.run(set), clean.run(set));
                for row in 0..rows {
                    let found = found.row(&case, row);
                    if row == spoilt {
                        assert!(found.h.iter().chain(&found.c).all(|value| value.is_nan()));
                    } else {
                        assert_eq!(found.bits(), expected.row(&clean, row).bits(), "{set}");
                    }
                }
            }
        }
    }
}

#[test]
fn infinite_and_huge_inputs_saturate() {
    let mut case = Case::new([1, 18, 3, 2], true, 6);
    case.x = vec![f32::INFINITY, 1e30, -1e30, f32::NEG_INFINITY, 1e38, -1e38];
    for set in InstructionSet::available() {
        let outputs = case.run(set);
        for value in outputs.h.iter().chain(&outputs.c) {
            assert!(value.is_finite() && value.abs() <= 3.0, "{set}: {value}");
        }
    }
}

#[test]
fn a_scratch_that_served_another_layer_changes_nothing() {
    let (large, small) = (
        Case::new([5, 60, 4, 9], false, 7),
        Case::new([4, 19, 5, 2], false, 8),
    );
    for set in InstructionSet::available() {
        let mut scratch = Scratch::new();
        for case in [&large, &small, &large] {
            let lstm = PackedLstm::new(case.weights(), set).unwrap();
            let mut outputs = super::Outputs::new(case);
            lstm.run(&mut scratch, case.inputs(), outputs.targets())
                .unwrap();
            assert_eq!(outputs.bits(), case.run(set).bits(), "{set}");
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let case = Case::new([2, 3, 4, 5], false, 9);
    let set = InstructionSet::Portable;
    let short = LstmWeights {
        r: &case.r[1..],
        ..case.weights()
    };
    assert_eq!(
        PackedLstm::new(short, set).unwrap_err().to_string(),
        "r [4·hidden, hidden] has 35 values where 36 were expected"
    );
    let empty = LstmWeights {
        hidden: 0,
        ..case.weights()
    };
    assert_eq!(
        PackedLstm::new(empty, set).unwrap_err(),
        KernelError::Empty {
            dimension: "hidden"
        }
    );
    let lstm = PackedLstm::new(case.weights(), set).unwrap();
    let (mut h, mut c) = ([0.0; 15], [0.0; 14]);
    let outputs = LstmOutputs {
        h: &mut h,
        c: &mut c,
        all: None,
    };
    assert_eq!(
        lstm.run(&mut Scratch::new(), case.inputs(), outputs)
            .unwrap_err()
            .to_string(),
        "c [rows, hidden] has 14 values where 15 were expected"
    );
    let inputs = LstmInputs {
        valid_steps: Some(&[1]),
        ..case.inputs()
    };
    let mut outputs = super::Outputs::new(&case);
    assert_eq!(
        lstm.run(&mut Scratch::new(), inputs, outputs.targets())
            .unwrap_err()
            .to_string(),
        "valid_steps [rows] has 1 values where 5 were expected"
    );
}

#[test]
fn an_instruction_set_that_the_processor_lacks_is_refused() {
    let case = Case::new([1, 2, 1, 1], true, 0);
    for set in InstructionSet::ALL {
        assert_eq!(
            PackedLstm::new(case.weights(), set).is_ok(),
            set.is_available(),
            "{set}"
        );
    }
    assert!(!(InstructionSet::Neon.is_available() && InstructionSet::Avx2.is_available()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_shape_agrees_with_the_reference(
        width in 1_usize..=40,
        hidden in prop_oneof![1_usize..40, Just(123), Just(128), Just(200)],
        steps in 1_usize..=50,
        rows in 1_usize..=9,
        plain: bool,
        seed: u64,
    ) {
        agrees_with_the_reference(&Case::new([width, hidden, steps, rows], plain, seed));
    }

    /// The same bits alone as in any position among any number of others.
    #[test]
    fn a_row_does_not_depend_on_its_company(
        width in prop_oneof![Just(1_usize), Just(2), Just(3), Just(40)],
        hidden in prop_oneof![1_usize..40, Just(123)],
        rows in 1_usize..=64,
        position: prop::sample::Index,
        plain: bool,
        seed: u64,
    ) {
        let case = Case::new([width, hidden, 5, rows], plain, seed);
        let row = position.index(rows);
        for set in InstructionSet::available() {
            let among = case.run(set).row(&case, row);
            prop_assert_eq!(among.bits(), case.row(row).run(set).bits(), "{}", set);
        }
    }
}
