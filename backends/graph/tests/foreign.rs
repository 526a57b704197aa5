//! What Keras and PyTorch export: `foreign/*/make.py` made the files.

#![allow(
    clippy::unwrap_used,
    reason = "test code: a failure here fails the test"
)]

use std::{fs, path::PathBuf};

use proptest::prelude::*;
use ser_graph::{ForeignModel, Graph, GraphError};

/// File, producer.
const EXPORTS: [(&str, &str); 3] = [
    ("keras/model.onnx", "tf2onnx 1.17.0"),
    ("pytorch/model.onnx", "pytorch 2.15.0"),
    ("pytorch/torchscript.onnx", "pytorch 2.15.0"),
];

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/foreign")
        .join(name)
}

fn read(bytes: &[u8]) -> Result<ForeignModel, GraphError> {
    ForeignModel::read(bytes, |name| {
        assert_eq!(name, "model.onnx.data");
        Ok(fs::read(path("pytorch").join(name)).unwrap())
    })
}

fn operations(graph: &Graph) -> Vec<&str> {
    graph.nodes().iter().map(|node| node.op.name()).collect()
}

#[test]
fn exports_become_the_nodes_of_our_own() {
    for (file, producer) in EXPORTS {
        let model = read(&fs::read(path(file)).unwrap()).unwrap();
        assert!(
            model.producer().starts_with(producer),
            "{}",
            model.producer()
        );
        assert_eq!(model.row_shape(), Ok([40, 1]));
        let graph = model.simplified().unwrap();
        assert_eq!(
            operations(&graph),
            [
                "Transpose",
                "LSTM",
                "Reshape",
                "Gemm",
                "Relu",
                "Gemm",
                "Relu",
                "Gemm",
                "Softmax"
            ],
            "{file}"
        );
        assert!(graph.input("features").is_some() && graph.output("posteriors").is_some());
        assert_eq!(Graph::read(&graph.write()), Ok(graph), "{file}");
    }
}

#[test]
fn constants_go_before_and_a_softmax_behind() {
    let mut model = read(&fs::read(path("keras/model.onnx")).unwrap()).unwrap();
    model.standardise(&[1.0; 40], &[2.0; 40]).unwrap();
    model.softmax();
    let graph = model.simplified().unwrap();
    let operations = operations(&graph);
    assert_eq!(operations[..3], ["Sub", "Div", "Transpose"]);
    assert_eq!(operations[operations.len() - 2..], ["Softmax", "Softmax"]);
    let error = model.standardise(&[1.0; 40], &[2.0; 39]).unwrap_err();
    assert_eq!(error.to_string(), "deviation: 39 numbers, expected 40");
}

#[test]
fn weights_that_lie_elsewhere_and_are_not_there_are_named() {
    let bytes = fs::read(path("pytorch/model.onnx")).unwrap();
    let missing = ForeignModel::read(&bytes, |name| Err(format!("no {name}"))).unwrap_err();
    assert!(
        missing.to_string().ends_with(": no model.onnx.data"),
        "{missing}"
    );
    let short = ForeignModel::read(&bytes, |_| Ok(vec![0; 10])).unwrap_err();
    assert!(
        short
            .to_string()
            .ends_with("is not in the file, which has 10 bytes"),
        "{short}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn flipped_bits_of_an_export_never_panic(
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..8), 1..6),
    ) {
        // Its weights lie elsewhere: every bit of this file means something.
        let mut bytes = fs::read(path("pytorch/model.onnx")).unwrap();
        for (at, bit) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        let weights = fs::read(path("pytorch/model.onnx.data")).unwrap();
        if let Ok(model) = ForeignModel::read(&bytes, |_| Ok(weights.clone()))
            && let Ok(graph) = model.simplified()
        {
            prop_assert_eq!(Graph::read(&graph.write()), Ok(graph));
        }
    }
}
