//! Broken models give errors, never panics, and say what is wrong.

use proptest::prelude::*;
use ser_graph::{
    Activation, Constant, Dim, Element, Graph, GraphBuilder, GraphError, Lstm, LstmWeights, Op,
    ValueId,
};

/// Every operation of the family in one graph.
fn everything() -> Result<Graph, GraphError> {
    let mut graph = GraphBuilder::new("everything");
    let features = graph.features(3, 2)?;
    let state = graph.input("state", Element::F32, &[Dim::Rows, Dim::Fixed(8)])?;
    let valid_steps = graph.input("valid_steps", Element::I32, &[Dim::Rows])?;
    let standardised = graph.standardise(features, vec![0.5; 6], vec![2.0; 6])?;
    let weights = |width: usize| {
        let count = |count: usize| (0..count).map(|at| at as f32 / 64.0 - 0.5).collect();
        LstmWeights::new(width, 4, count(16 * width), count(64), count(16))
    };
    let states = graph.lstm_all("lstm_1", standardised, weights(2)?)?;
    let input = push(
        &mut graph,
        "transpose",
        Op::Transpose {
            input: states,
            axes: vec![1, 0, 2],
        },
    )?;
    let layer = [Dim::Fixed(1), Dim::Rows, Dim::Fixed(4)];
    let h = push(
        &mut graph,
        "slice_h",
        Op::Slice {
            input: state,
            axis: 1,
            start: 0,
            end: 4,
        },
    )?;
    let h = graph.reshape("layer_h", h, &layer)?;
    let c = push(
        &mut graph,
        "slice_c",
        Op::Slice {
            input: state,
            axis: 1,
            start: 4,
            end: 8,
        },
    )?;
    let c = graph.reshape("layer_c", c, &layer)?;
    let lstm = Lstm {
        input,
        valid_steps: Some(valid_steps),
        initial_h: Some(h),
        initial_c: Some(c),
        weights: weights(4)?,
    };
    let outputs = graph.push("lstm_2", Op::Lstm(lstm))?;
    let row = [Dim::Rows, Dim::Fixed(4)];
    let h = graph.reshape("h", outputs[1], &row)?;
    let c = graph.reshape("c", outputs[2], &row)?;
    let next = push(
        &mut graph,
        "concat",
        Op::Concat {
            inputs: vec![h, c],
            axis: 1,
        },
    )?;
    let weight = Constant {
        dims: vec![4, 3],
        values: vec![0.25; 12],
    };
    let dense = graph.dense("gemm", h, weight.clone(), vec![0.1; 3])?;
    let relu = graph.activation("relu", Activation::Relu, dense)?;
    let weight = Constant {
        dims: vec![3, 3],
        values: vec![0.25; 9],
    };
    let product = push(
        &mut graph,
        "matmul",
        Op::Dense {
            input: relu,
            weight,
            bias: None,
        },
    )?;
    let tanh = graph.activation("tanh", Activation::Tanh, product)?;
    let sigmoid = graph.activation("sigmoid", Activation::Sigmoid, tanh)?;
    let posteriors = graph.softmax("softmax", sigmoid)?;
    graph.finish(&[("posteriors", posteriors), ("next_state", next)])
}

fn push(graph: &mut GraphBuilder, name: &str, op: Op) -> Result<ValueId, GraphError> {
    graph.push(name, op).map(|outputs| outputs[0])
}

#[test]
fn a_graph_survives_writing_and_reading() {
    let graph = everything().unwrap();
    let bytes = graph.write();
    let read = Graph::read(&bytes).unwrap();
    assert_eq!(read, graph);
    assert_eq!(read.write(), bytes);
}

#[test]
fn every_truncation_is_an_error() {
    let bytes = everything().unwrap().write();
    for end in 0..bytes.len() {
        assert!(
            Graph::read(&bytes[..end]).is_err(),
            "{end} of {} bytes",
            bytes.len()
        );
    }
}

#[test]
fn an_unknown_operator_is_named() {
    let mut bytes = everything().unwrap().write();
    let at = bytes
        .windows(7)
        .position(|window| window == b"Softmax")
        .unwrap();
    bytes[at..at + 7].copy_from_slice(b"Softmix");
    let error = Graph::read(&bytes).unwrap_err();
    assert_eq!(
        error.to_string(),
        "node \"softmax\" (Softmix): is not supported by the LSTM-classifier family"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn flipped_bits_never_panic(flips in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..8), 1..6)) {
        let mut bytes = everything().unwrap().write();
        for (at, bit) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        // Flips within a weight or a name leave a graph, which must still be sound.
        if let Ok(graph) = Graph::read(&bytes) {
            prop_assert_eq!(Graph::read(&graph.write()), Ok(graph));
        }
    }

    #[test]
    fn noise_is_an_error(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        prop_assert!(Graph::read(&bytes).is_err());
    }
}

#[test]
fn the_builder_refuses_what_does_not_fit() {
    let mut graph = GraphBuilder::new("misfits");
    let features = graph.features(4, 2).unwrap();
    let bad = |result: Result<ValueId, GraphError>| result.unwrap_err().to_string();
    assert_eq!(
        bad(graph.standardise(features, vec![0.0; 8], vec![0.0; 8])),
        "node \"scale\" (Div): divides by a constant that holds zero"
    );
    assert_eq!(
        bad(graph.standardise(features, vec![0.0; 3], vec![1.0; 8])),
        "node \"centre\" (Sub): constant: holds 3 values, expected those of [4, 2]"
    );
    assert_eq!(
        bad(graph.standardise(features, vec![f32::NAN; 8], vec![1.0; 8])),
        "node \"centre\" (Sub): constant: value 0 is NaN, expected a finite number"
    );
    let weights = LstmWeights::new(3, 1, vec![0.0; 12], vec![0.0; 4], vec![0.0; 4]).unwrap();
    assert_eq!(
        bad(graph.lstm_last("lstm", features, weights)),
        "node \"lstm\" (LSTM): input X has shape [4, rows, 2], but the weights are for a width of 3"
    );
    assert_eq!(
        bad(graph.reshape("mix", features, &[Dim::Fixed(4), Dim::Rows, Dim::Fixed(2)])),
        "node \"mix\" (Reshape): reshaping [rows, 4, 2] to [4, rows, 2] would not keep rows apart"
    );
    let rows_last = graph
        .push(
            "t",
            Op::Transpose {
                input: features,
                axes: vec![1, 2, 0],
            },
        )
        .unwrap();
    assert_eq!(
        bad(graph.softmax("softmax", rows_last[0])),
        "node \"softmax\" (Softmax): softmax over the rows of [4, 2, rows]"
    );
    assert_eq!(
        bad(graph.finish(&[("posteriors", features)]).map(|_| features)),
        "output \"posteriors\": expected a value that a node computes"
    );
}
