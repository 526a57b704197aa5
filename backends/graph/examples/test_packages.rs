//! Writes the graphs of the packages that exist for the tests, with seeded random
//! weights:
//!
//! ```text
//! cargo run -p ser-graph --example test_packages -- backends/core/tests/packages
//! ```
//!
//! `golden.py` in that folder then computes their golden rows with ONNX Runtime.

use std::{error::Error, fs, path::Path};

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use ser_graph::{
    Activation, Constant, Dim, Element, Graph, GraphBuilder, GraphError, Lstm, LstmWeights, Op,
    ValueId,
};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args()
        .nth(1)
        .ok_or("expected the folder of the packages")?;
    for (name, graph) in [
        ("tiny-windowed", windowed()?),
        ("tiny-stacked", stacked()?),
        ("tiny-recurrent", recurrent()?),
    ] {
        let directory = Path::new(&folder).join(name).join("1");
        fs::create_dir_all(&directory)?;
        fs::write(directory.join("model.onnx"), graph.write())?;
    }
    Ok(())
}

/// The seed model's layers, small: standardisation, LSTM, three dense layers.
fn windowed() -> Result<Graph, GraphError> {
    let mut weights = Weights::new(1);
    let mut graph = GraphBuilder::new("tiny-windowed");
    let features = graph.features(40, 1)?;
    let deviations = weights
        .around(40, 8.0)
        .iter()
        .map(|value| 9.0 + value)
        .collect();
    let standardised = graph.standardise(features, weights.around(40, 20.0), deviations)?;
    let last = graph.lstm_last("lstm", standardised, weights.lstm(1, 24)?)?;
    let first = weights.dense(&mut graph, "dense_1", last, [24, 16])?;
    let first = graph.activation("relu_1", Activation::Relu, first)?;
    let second = weights.dense(&mut graph, "dense_2", first, [16, 8])?;
    let second = graph.activation("relu_2", Activation::Relu, second)?;
    let logits = weights.dense(&mut graph, "logits", second, [8, 7])?;
    let posteriors = graph.softmax("softmax", logits)?;
    graph.finish(&[("posteriors", posteriors)])
}

/// All states of one LSTM into the next, with the other activations between
/// dense layers.
fn stacked() -> Result<Graph, GraphError> {
    let mut weights = Weights::new(2);
    let mut graph = GraphBuilder::new("tiny-stacked");
    let features = graph.features(12, 6)?;
    let standardised = graph.standardise(features, vec![-40.0; 12 * 6], vec![20.0; 12 * 6])?;
    let states = graph.lstm_all("lstm_1", standardised, weights.lstm(6, 10)?)?;
    let last = graph.lstm_last("lstm_2", states, weights.lstm(10, 9)?)?;
    let first = weights.dense(&mut graph, "dense_1", last, [9, 5])?;
    let first = graph.activation("tanh", Activation::Tanh, first)?;
    let second = weights.dense(&mut graph, "dense_2", first, [5, 4])?;
    let second = graph.activation("sigmoid", Activation::Sigmoid, second)?;
    let logits = weights.dense(&mut graph, "logits", second, [4, 3])?;
    let posteriors = graph.softmax("softmax", logits)?;
    graph.finish(&[("posteriors", posteriors)])
}

/// State goes in and out: the hidden state, then the cell state.
fn recurrent() -> Result<Graph, GraphError> {
    let (steps, width, hidden) = (10, 8, 12);
    let mut weights = Weights::new(3);
    let mut graph = GraphBuilder::new("tiny-recurrent");
    let features = graph.features(steps, width)?;
    let state = graph.input("state", Element::F32, &[Dim::Rows, Dim::Fixed(2 * hidden)])?;
    let valid_steps = graph.input("valid_steps", Element::I32, &[Dim::Rows])?;
    let standardised = graph.standardise(
        features,
        vec![-40.0; steps * width],
        vec![20.0; steps * width],
    )?;
    let input = one(
        &mut graph,
        "steps_first",
        Op::Transpose {
            input: standardised,
            axes: vec![1, 0, 2],
        },
    )?;
    let layer = [Dim::Fixed(1), Dim::Rows, Dim::Fixed(hidden)];
    let mut initial = |name: &str, start: usize| -> Result<ValueId, GraphError> {
        let slice = Op::Slice {
            input: state,
            axis: 1,
            start,
            end: start + hidden,
        };
        let half = one(&mut graph, name, slice)?;
        graph.reshape(&format!("{name}_layer"), half, &layer)
    };
    let lstm = Lstm {
        input,
        valid_steps: Some(valid_steps),
        initial_h: Some(initial("h", 0)?),
        initial_c: Some(initial("c", hidden)?),
        weights: weights.lstm(width, hidden)?,
    };
    let outputs = graph.push("lstm", Op::Lstm(lstm))?;
    let row = [Dim::Rows, Dim::Fixed(hidden)];
    let h = graph.reshape("next_h", outputs[1], &row)?;
    let c = graph.reshape("next_c", outputs[2], &row)?;
    let next_state = one(
        &mut graph,
        "join",
        Op::Concat {
            inputs: vec![h, c],
            axis: 1,
        },
    )?;
    let logits = weights.dense(&mut graph, "logits", h, [hidden, 3])?;
    let posteriors = graph.softmax("softmax", logits)?;
    graph.finish(&[("posteriors", posteriors), ("next_state", next_state)])
}

fn one(graph: &mut GraphBuilder, name: &str, op: Op) -> Result<ValueId, GraphError> {
    graph.push(name, op).map(|outputs| outputs[0])
}

/// Random weights, large enough for different rows to get different labels.
struct Weights(ChaCha8Rng);

impl Weights {
    fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Values between minus and plus `most`.
    fn around(&mut self, count: usize, most: f32) -> Vec<f32> {
        (0..count)
            .map(|_| self.0.random_range(-most..most))
            .collect()
    }

    fn lstm(&mut self, width: usize, hidden: usize) -> Result<LstmWeights, GraphError> {
        let w = self.around(4 * hidden * width, 0.8);
        let r = self.around(4 * hidden * hidden, 0.4);
        let b = self.around(4 * hidden, 0.5);
        LstmWeights::new(width, hidden, w, r, b)
    }

    fn dense(
        &mut self,
        graph: &mut GraphBuilder,
        name: &str,
        input: ValueId,
        [inputs, outputs]: [usize; 2],
    ) -> Result<ValueId, GraphError> {
        let weight = Constant {
            dims: vec![inputs, outputs],
            values: self.around(inputs * outputs, 1.5),
        };
        let bias = self.around(outputs, 0.3);
        graph.dense(name, input, weight, bias)
    }
}
