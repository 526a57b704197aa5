//! ONNX models, as packages bring them and as other frameworks export them.
//!
//! A graph that is read is written, and read again as the same; simplified, too.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ser_fuzz::{models, seeds};
use ser_graph::{ForeignModel, Graph};

/// Values of a row that is standardised, at most.
const MOST_VALUES: usize = 1_024;

fn check(graph: &Graph) {
    assert_eq!(Graph::read(&graph.write()).as_ref(), Ok(graph));
}

fn read(bytes: &[u8]) {
    if let Ok(graph) = Graph::read(bytes) {
        check(&graph);
        if let Ok(simple) = graph.simplified() {
            check(&simple);
        }
    }
}

/// What importing a model does.
fn import(mut model: ForeignModel) {
    let shape = model.row_shape();
    let values = shape.map_or(0, |[steps, width]| steps.saturating_mul(width));
    let values = values.min(MOST_VALUES);
    if model
        .standardise(&vec![0.5; values], &vec![2.0; values])
        .is_ok()
    {
        model.softmax();
    }
    if let Ok(graph) = model.simplified() {
        check(&graph);
    }
}

fuzz_target!(
    init: seeds::write(models::graphs()),
    |data: &[u8]| {
        read(data);
        // One file lies beside the model.
        let beside = |name: &str| match name {
            "weights" => Ok(vec![0; 256]),
            other => Err(format!("{other}: not there")),
        };
        if let Ok(model) = ForeignModel::read(data, beside) {
            import(model);
        }
    }
);
