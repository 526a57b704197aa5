//! Rewrites LSTMs whose rows end at different steps.
//!
//! tract refuses an LSTM with an input `sequence_lens`, unless it says of every row
//! that it is complete. An equal graph without it is a `Scan` over the steps whose
//! body holds an LSTM of one step: a row that has ended keeps its state and gives
//! zeros, as ONNX demands. What the LSTM makes of a row that has ended, NaN for
//! instance, is not selected.

use tract_onnx::pb::{
    AttributeProto, GraphProto, NodeProto, TensorProto, TensorShapeProto, TypeProto,
    ValueInfoProto,
    attribute_proto::AttributeType,
    tensor_proto::DataType,
    tensor_shape_proto::{Dimension, dimension::Value::DimValue},
    type_proto,
};

use crate::error::Error;

/// Replaces each LSTM with `sequence_lens` in a graph of `rows` rows.
pub(crate) fn rewrite(graph: &mut GraphProto, rows: usize) -> Result<(), Error> {
    let nodes = std::mem::take(&mut graph.node);
    for node in nodes {
        let by_row = node.op_type == "LSTM" && input(&node, 4).is_some();
        match by_row {
            true => graph.node.push(scan(&node, rows, &mut graph.initializer)?),
            false => graph.node.push(node),
        }
    }
    Ok(())
}

/// Names within the scan. Those of the graph are visible there too, so they begin
/// with one of the LSTM's own.
struct Names(String);

impl Names {
    fn of(node: &NodeProto) -> Self {
        Self(
            node.output
                .iter()
                .find(|name| !name.is_empty())
                .cloned()
                .unwrap_or_default(),
        )
    }

    fn inner(&self, name: &str) -> String {
        format!("{}.{name}", self.0)
    }
}

fn scan(
    lstm: &NodeProto,
    rows: usize,
    initializers: &mut Vec<TensorProto>,
) -> Result<NodeProto, Error> {
    let names = Names::of(lstm);
    let unsupported = |reason: &str| {
        let reason = format!("node LSTM of {:?}: with sequence_lens, {reason}", names.0);
        Error::Unsupported(reason)
    };
    if input(lstm, 7).is_some() {
        return Err(unsupported("peepholes"));
    }
    if attribute(lstm, "direction").is_some_and(|direction| direction.s != b"forward") {
        return Err(unsupported("another direction than forward"));
    }
    if attribute(lstm, "layout").is_some_and(|layout| layout.i != 0) {
        return Err(unsupported("layout 1"));
    }
    let hidden = hidden_size(lstm, initializers).map_err(|reason| unsupported(&reason))?;
    let steps_first = input(lstm, 0).ok_or_else(|| unsupported("no X"))?;
    let state = [1, rows, hidden];

    // The states that it starts with, zeros by default.
    let mut initial = Vec::new();
    for (at, name) in [(5, "initial_h"), (6, "initial_c")] {
        match input(lstm, at) {
            Some(given) => initial.push(given.to_owned()),
            None => {
                let zeros = floats(&names.inner(name), &state, vec![0.0; rows * hidden]);
                initial.push(zeros.name.clone());
                initializers.push(zeros);
            }
        }
    }
    let first_step = ints(&names.inner("first_step"), DataType::Int32, vec![0]);
    initial.push(first_step.name.clone());
    initializers.push(first_step);

    // Y, Y_h, Y_c of the LSTM; the scan gives the states first.
    let output = |at: usize, name: &str| match lstm.output.get(at) {
        Some(wanted) if !wanted.is_empty() => wanted.clone(),
        _ => names.inner(name),
    };
    let outputs = [
        output(1, "last_h"),
        output(2, "last_c"),
        names.inner("steps"),
        output(0, "all_h"),
    ];
    let body = body(lstm, &names, &state);
    let mut scan = node(
        "Scan",
        [&initial[0], &initial[1], &initial[2], steps_first],
        outputs,
    );
    scan.name = names.inner("scan");
    scan.attribute = vec![
        AttributeProto {
            name: "body".to_owned(),
            r#type: AttributeType::Graph as i32,
            g: Some(body),
            ..AttributeProto::default()
        },
        AttributeProto {
            name: "num_scan_inputs".to_owned(),
            r#type: AttributeType::Int as i32,
            i: 1,
            ..AttributeProto::default()
        },
    ];
    Ok(scan)
}

/// The size of R, whose values are in the file, so that nobody makes room for more
/// than the file has: tensors that don't fill their dimensions are refused before.
fn hidden_size(lstm: &NodeProto, initializers: &[TensorProto]) -> Result<usize, String> {
    let name = input(lstm, 2).unwrap_or_default();
    let weights = initializers.iter().find(|tensor| tensor.name == name);
    let dims = weights.map(|weights| &*weights.dims);
    let hidden = match dims {
        Some(&[1, gates, hidden]) if hidden > 0 && hidden.checked_mul(4) == Some(gates) => hidden,
        Some(dims) => return Err(format!("R of {dims:?}; expected [1, 4 · hidden, hidden]")),
        None => return Err("R that is no initialiser".to_owned()),
    };
    match attribute(lstm, "hidden_size") {
        Some(size) if size.i != hidden => Err(format!(
            "hidden_size {}; expected {hidden}, as R says",
            size.i
        )),
        _ => usize::try_from(hidden).map_err(|error| error.to_string()),
    }
}

/// One step: `h`, `c` and the number of the step go in with the step's features;
/// the next ones come out with what the step adds to Y.
fn body(lstm: &NodeProto, names: &Names, state: &[usize; 3]) -> GraphProto {
    let name = |name: &str| names.inner(name);
    let [one, rows, _] = state.map(|size| size as i64);
    let given = |at: usize| input(lstm, at).unwrap_or_default().to_owned();

    let mut step = node(
        "LSTM",
        [
            &name("x_step"),
            &given(1),
            &given(2),
            &given(3),
            "",
            &name("h"),
            &name("c"),
        ],
        ["".to_owned(), name("h_if_valid"), name("c_if_valid")],
    );
    step.name = name("step");
    step.attribute.clone_from(&lstm.attribute);
    let choose = |if_valid: &str, otherwise: &str, result: &str| {
        let inputs = [&*name("valid"), &*name(if_valid), &*name(otherwise)];
        node("Where", inputs, [name(result)])
    };
    let nodes = vec![
        node("Reshape", [&name("x"), &name("x_shape")], [name("x_step")]),
        step,
        node("Greater", [&given(4), &name("at")], [name("valid_rows")]),
        node(
            "Reshape",
            [&name("valid_rows"), &name("valid_shape")],
            [name("valid")],
        ),
        choose("h_if_valid", "h", "h_next"),
        choose("c_if_valid", "c", "c_next"),
        choose("h_if_valid", "zero", "y"),
        node("Add", [&name("at"), &name("one")], [name("at_next")]),
    ];
    let state_value = |value: &str| value_info(name(value), DataType::Float, Some(state));
    let step_value = |value: &str| value_info(name(value), DataType::Int32, Some(&[1]));
    GraphProto {
        name: name("body"),
        node: nodes,
        initializer: vec![
            ints(&name("x_shape"), DataType::Int64, vec![one, rows, -1]),
            ints(&name("valid_shape"), DataType::Int64, vec![one, rows, 1]),
            ints(&name("one"), DataType::Int32, vec![1]),
            floats(&name("zero"), &[1, 1, 1], vec![0.0]),
        ],
        input: vec![
            state_value("h"),
            state_value("c"),
            step_value("at"),
            value_info(name("x"), DataType::Float, None),
        ],
        output: vec![
            state_value("h_next"),
            state_value("c_next"),
            step_value("at_next"),
            state_value("y"),
        ],
        ..GraphProto::default()
    }
}

fn input(node: &NodeProto, at: usize) -> Option<&str> {
    node.input
        .get(at)
        .map(String::as_str)
        .filter(|name| !name.is_empty())
}

fn attribute<'a>(node: &'a NodeProto, name: &str) -> Option<&'a AttributeProto> {
    node.attribute
        .iter()
        .find(|attribute| attribute.name == name)
}

fn node<const I: usize, const O: usize>(
    op_type: &str,
    inputs: [&str; I],
    outputs: [String; O],
) -> NodeProto {
    NodeProto {
        op_type: op_type.to_owned(),
        input: inputs.map(str::to_owned).to_vec(),
        output: outputs.to_vec(),
        ..NodeProto::default()
    }
}

fn value_info(name: String, element: DataType, dims: Option<&[usize]>) -> ValueInfoProto {
    let dim = |dim: &usize| Dimension {
        value: Some(DimValue(*dim as i64)),
        ..Dimension::default()
    };
    let shape = dims.map(|dims| TensorShapeProto {
        dim: dims.iter().map(dim).collect(),
    });
    let tensor = type_proto::Tensor {
        elem_type: element as i32,
        shape,
    };
    ValueInfoProto {
        name,
        r#type: Some(TypeProto {
            value: Some(type_proto::Value::TensorType(tensor)),
            ..TypeProto::default()
        }),
        ..ValueInfoProto::default()
    }
}

fn floats(name: &str, dims: &[usize], values: Vec<f32>) -> TensorProto {
    TensorProto {
        name: name.to_owned(),
        data_type: DataType::Float as i32,
        dims: dims.iter().map(|dim| *dim as i64).collect(),
        float_data: values,
        ..TensorProto::default()
    }
}

/// A vector of one dimension, of 32 or 64 bits.
fn ints(name: &str, element: DataType, values: Vec<i64>) -> TensorProto {
    let mut tensor = TensorProto {
        name: name.to_owned(),
        data_type: element as i32,
        dims: vec![values.len() as i64],
        ..TensorProto::default()
    };
    match element {
        DataType::Int32 => tensor.int32_data = values.iter().map(|value| *value as i32).collect(),
        _ => tensor.int64_data = values,
    }
    tensor
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The least LSTM with `sequence_lens`, which starts with zeros.
    fn refusal(hidden_size: i64, dims: &[usize]) -> String {
        let mut lstm = node("LSTM", ["x", "w", "r", "", "lens"], ["y".to_owned()]);
        lstm.attribute.push(AttributeProto {
            name: "hidden_size".to_owned(),
            i: hidden_size,
            ..AttributeProto::default()
        });
        let mut graph = GraphProto {
            node: vec![lstm],
            initializer: vec![floats("r", dims, vec![0.0; dims.iter().product()])],
            ..GraphProto::default()
        };
        rewrite(&mut graph, 2).unwrap_err().to_string()
    }

    /// There would be no room for its state.
    #[test]
    fn a_hidden_size_that_the_weights_do_not_have_is_refused() {
        assert_eq!(
            refusal(1 << 40, &[1, 8, 2]),
            "node LSTM of \"y\": with sequence_lens, hidden_size 1099511627776; expected 2, as R says"
        );
        assert_eq!(
            refusal(1 << 40, &[0, 1 << 42, 1 << 40]),
            "node LSTM of \"y\": with sequence_lens, R of [0, 4398046511104, 1099511627776]; \
             expected [1, 4 · hidden, hidden]"
        );
    }
}
