//! Graphs as exporters write them, and in how few nodes they say the same.

use super::*;
use crate::{Element, LstmWeights};

/// An LSTM of 3 steps and 4 units, all of whose states go on as
/// `[rows, steps, hidden]`, of which one step is taken.
fn one_step(start: usize, padded: bool) -> Graph {
    let mut graph = GraphBuilder::new("test");
    let dims = [Dim::Fixed(3), Dim::Rows, Dim::Fixed(2)];
    let input = graph.input("features", Element::F32, &dims).unwrap();
    let valid_steps = graph.input("valid_steps", Element::I32, &[Dim::Rows]);
    let weights = LstmWeights::new(2, 4, vec![0.5; 32], vec![0.5; 64], vec![0.5; 16]);
    let lstm = Lstm {
        input,
        valid_steps: padded.then_some(valid_steps.unwrap()),
        initial_h: None,
        initial_c: None,
        weights: weights.unwrap(),
    };
    let states = graph.one("lstm", Op::Lstm(lstm)).unwrap();
    let axes = vec![0, 2, 1, 3];
    let moved = Op::Transpose {
        input: states,
        axes,
    };
    let moved = graph.one("moved", moved).unwrap();
    let dims = [Dim::Fixed(3), Dim::Rows, Dim::Fixed(4)];
    let squeezed = graph.reshape("squeezed", moved, &dims).unwrap();
    let axes = vec![1, 0, 2];
    let by_row = Op::Transpose {
        input: squeezed,
        axes,
    };
    let by_row = graph.one("by_row", by_row).unwrap();
    let slice = Op::Slice {
        input: by_row,
        axis: 1,
        start,
        end: start + 1,
    };
    let slice = graph.one("slice", slice).unwrap();
    let row = [Dim::Rows, Dim::Fixed(4)];
    let step = graph.reshape("step", slice, &row).unwrap();
    let softmax = graph.softmax("softmax", step).unwrap();
    graph.finish(&[("posteriors", softmax)]).unwrap()
}

fn operations(graph: &Graph) -> Vec<&str> {
    graph.nodes.iter().map(|node| node.op.name()).collect()
}

#[test]
fn the_last_step_is_the_last_state() {
    let simplified = one_step(2, false).simplified().unwrap();
    assert_eq!(operations(&simplified), ["LSTM", "Reshape", "Softmax"]);
    let Op::Reshape { input, .. } = simplified.nodes[1].op else {
        panic!("{:?}", simplified.nodes[1]);
    };
    assert_eq!(input, simplified.nodes[0].outputs[1]);
}

#[test]
fn other_steps_and_padded_ones_are_left_alone() {
    let whole = [
        "LSTM",
        "Transpose",
        "Reshape",
        "Transpose",
        "Slice",
        "Reshape",
        "Softmax",
    ];
    for graph in [one_step(1, false), one_step(2, true)] {
        assert_eq!(operations(&graph.simplified().unwrap()), whole);
    }
}

#[test]
fn what_changes_nothing_goes() {
    let mut graph = GraphBuilder::new("test");
    let dims = [Dim::Rows, Dim::Fixed(1), Dim::Fixed(3)];
    let input = graph.input("x", Element::F32, &dims).unwrap();
    let whole = Op::Slice {
        input,
        axis: 1,
        start: 0,
        end: 1,
    };
    let whole = graph.one("whole", whole).unwrap();
    let turned = Op::Transpose {
        input: whole,
        axes: vec![0, 1, 2],
    };
    let turned = graph.one("turned", turned).unwrap();
    let flat = graph.reshape("flat", turned, &[Dim::Rows, Dim::Fixed(3)]);
    let back = graph.reshape("back", flat.unwrap(), &dims).unwrap();
    let softmax = graph.softmax("softmax", back).unwrap();
    graph.softmax("unread", back).unwrap();
    let graph = graph.finish(&[("y", softmax)]).unwrap();
    assert_eq!(operations(&graph.simplified().unwrap()), ["Softmax"]);
}

#[test]
fn a_bias_joins_its_product() {
    let sum = |dims: Vec<usize>| {
        let mut graph = GraphBuilder::new("test");
        let input = graph.input("x", Element::F32, &[Dim::Rows, Dim::Fixed(2)]);
        let product = Op::Dense {
            input: input.unwrap(),
            weight: Constant {
                dims: vec![2, 3],
                values: vec![0.5; 6],
            },
            bias: None,
        };
        let input = graph.one("product", product).unwrap();
        let values = (0..dims.iter().product()).map(|at: usize| at as f32);
        let sum = Op::Arithmetic {
            kind: Arithmetic::Add,
            input,
            constant: Constant {
                values: values.collect(),
                dims,
            },
            constant_first: true,
        };
        let sum = graph.one("sum", sum).unwrap();
        graph.finish(&[("y", sum)]).unwrap().simplified().unwrap()
    };
    for (dims, expected) in [
        (vec![3], [0.0, 1.0, 2.0]),
        (vec![1, 3], [0.0, 1.0, 2.0]),
        (vec![], [0.0; 3]),
    ] {
        let graph = sum(dims);
        let [node] = &graph.nodes[..] else {
            panic!("{:?}", graph.nodes);
        };
        let Op::Dense { bias, .. } = &node.op else {
            panic!("{node:?}");
        };
        assert_eq!(bias.as_deref(), Some(&expected[..]));
    }
}
