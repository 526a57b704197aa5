//! Batch invariance over random layer sizes, beyond those of any package.

use std::sync::Arc;

use proptest::prelude::*;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use ser_backend::{Batch, DeviceOptions, MAX_ROWS, Model as _, ModelInfo, Row, RowShape};
use ser_graph::{Activation, Constant, Graph, GraphBuilder, GraphError, LstmWeights};

use crate::{
    model::{BurnModel, Signature},
    placement::Placement,
    program::Program,
};

/// An LSTM over all states, one over the last, a hidden dense layer, a softmax.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    steps: usize,
    width: usize,
    hidden: usize,
    dense: usize,
    classes: usize,
}

impl Sizes {
    fn shape(self) -> RowShape {
        RowShape {
            steps: self.steps,
            width: self.width,
            state: 0,
            classes: self.classes,
        }
    }

    fn graph(self, random: &mut ChaCha8Rng) -> Result<Graph, GraphError> {
        let Self {
            steps,
            width,
            hidden,
            dense,
            classes,
        } = self;
        let mut around = |count: usize, inputs: usize| -> Vec<f32> {
            let most = 2.0 / (inputs as f32).sqrt();
            (0..count)
                .map(|_| random.random_range(-most..most))
                .collect()
        };
        let mut lstm = |width: usize| {
            let w = around(4 * hidden * width, width);
            let r = around(4 * hidden * hidden, hidden);
            LstmWeights::new(width, hidden, w, r, around(4 * hidden, hidden))
        };
        let (first, second) = (lstm(width)?, lstm(hidden)?);
        let mut graph = GraphBuilder::new("random");
        let features = graph.features(steps, width)?;
        let states = graph.lstm_all("first", features, first)?;
        let last = graph.lstm_last("second", states, second)?;
        let weight = Constant {
            dims: vec![hidden, dense],
            values: around(hidden * dense, hidden),
        };
        let inner = graph.dense("inner", last, weight, around(dense, dense))?;
        let inner = graph.activation("relu", Activation::Relu, inner)?;
        let weight = Constant {
            dims: vec![dense, classes],
            values: around(dense * classes, dense),
        };
        let logits = graph.dense("logits", inner, weight, around(classes, classes))?;
        let posteriors = graph.softmax("softmax", logits)?;
        graph.finish(&[("posteriors", posteriors)])
    }

    fn model(self, random: &mut ChaCha8Rng) -> BurnModel {
        let graph = self.graph(random).unwrap();
        let signature = Signature::new(&graph, self.shape()).unwrap();
        let info = ModelInfo {
            backend: "burn".to_owned(),
            execution_provider: "cpu".to_owned(),
            numerics: String::new(),
            shape: self.shape(),
            batch_invariant: true,
        };
        let placement = Placement::new(&DeviceOptions::default()).unwrap();
        BurnModel::new(info, signature, Arc::new(Program::new(&graph, &placement)))
    }
}

/// The bits of every row's posteriors.
fn posteriors(model: &mut BurnModel, steps: usize, rows: &[Vec<f32>]) -> Vec<Vec<u32>> {
    let mut batch = Batch::new(model.info().shape);
    for features in rows {
        batch.push(Row {
            features,
            state: &[],
            valid_steps: steps,
        });
    }
    model.infer(&mut batch).unwrap();
    let bits = |at| {
        batch
            .posteriors(at)
            .iter()
            .map(|value| value.to_bits())
            .collect()
    };
    (0..rows.len()).map(bits).collect()
}

fn check(sizes: Sizes, counts: &[usize], seed: u64) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut model = sizes.model(&mut random);
    let mut row = |_| -> Vec<f32> {
        (0..sizes.shape().features())
            .map(|_| random.random_range(-3.0..3.0))
            .collect()
    };
    let rows: Vec<Vec<f32>> = (0..MAX_ROWS).map(&mut row).collect();
    let alone: Vec<Vec<u32>> = rows
        .iter()
        .flat_map(|row| posteriors(&mut model, sizes.steps, std::slice::from_ref(row)))
        .collect();
    for count in counts {
        for start in [0, MAX_ROWS - count] {
            let span = start..start + count;
            let together = posteriors(&mut model, sizes.steps, &rows[span.clone()]);
            assert_eq!(together, alone[span], "{count} rows of {sizes:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn company_changes_no_bit(
        steps in 1_usize..6,
        width in 1_usize..40,
        hidden in 1_usize..72,
        dense in 1_usize..40,
        classes in 2_usize..12,
        count in 2_usize..=64,
        seed: u64,
    ) {
        check(Sizes { steps, width, hidden, dense, classes }, &[count], seed);
    }
}

#[test]
fn sums_longer_than_the_library_takes_in_one_go_keep_their_order() {
    let sizes = Sizes {
        steps: 2,
        width: 1_300,
        hidden: 530,
        dense: 1,
        classes: 2,
    };
    check(sizes, &[2, 3, 8, 33, 64], 5);
}

#[test]
fn the_seed_model_keeps_its_bits_in_every_number_of_rows() {
    let sizes = Sizes {
        steps: 40,
        width: 1,
        hidden: 123,
        dense: 64,
        classes: 7,
    };
    check(sizes, &[2, 3, 4, 5, 8, 16, 17, 32, 63, 64], 6);
}
