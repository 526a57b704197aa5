//! What is checked of a graph before tract sees it. tract takes some things on
//! trust that may be otherwise in a broken file, and leaves some attributes unread.

use tract_onnx::{
    Onnx,
    pb::{
        GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto,
        tensor_proto::DataType,
        tensor_shape_proto::{Dimension, dimension::Value::DimValue},
        type_proto::Value::TensorType,
    },
};

use crate::{error::Error, program::Shape};

/// The activations of an LSTM that tract computes: those of ONNX's default.
const ACTIVATIONS: [&[u8]; 3] = [b"Sigmoid", b"Tanh", b"Tanh"];

/// A graph that tract may be trusted with, and what goes in and out.
pub(crate) struct Checked {
    pub(crate) model: ModelProto,
    pub(crate) inputs: Vec<&'static str>,
    pub(crate) outputs: Vec<&'static str>,
}

/// What the header says of an input or output.
struct Expected {
    name: &'static str,
    element: DataType,
    /// Behind the rows.
    dims: Vec<usize>,
}

/// Compares inputs and outputs with the shape of a row, and looks at each node
/// and each tensor. A node with a graph of its own is refused, so there are none
/// but those of the top.
pub(crate) fn check(onnx: &Onnx, model: ModelProto, shape: Shape) -> Result<Checked, Error> {
    let graph = model
        .graph
        .as_ref()
        .ok_or_else(|| Error::Package("no graph".to_owned()))?;
    if model.opset_import.is_empty() {
        return Err(Error::Package("opset_import is empty".to_owned()));
    }
    for tensor in &graph.initializer {
        check_tensor(tensor)?;
    }
    for node in &graph.node {
        check_node(onnx, node)?;
    }
    let (inputs, outputs) = signature(shape);
    for expected in &inputs {
        find(&graph.input, "input", expected)?;
    }
    for expected in &outputs {
        find(&graph.output, "output", expected)?;
        let made = graph.node.iter().flat_map(|node| &node.output);
        if !made.into_iter().any(|name| name == expected.name) {
            let reason = format!("no node makes output {:?}", expected.name);
            return Err(Error::Package(reason));
        }
    }
    let known = |name: &str| {
        inputs.iter().any(|input| input.name == name)
            || graph.initializer.iter().any(|tensor| tensor.name == name)
    };
    if let Some(other) = graph.input.iter().find(|input| !known(&input.name)) {
        let names: Vec<_> = inputs.iter().map(|input| input.name).collect();
        let reason = format!("input {:?}; expected {}", other.name, names.join(", "));
        return Err(Error::Package(reason));
    }
    Ok(Checked {
        inputs: inputs.iter().map(|input| input.name).collect(),
        outputs: outputs.iter().map(|output| output.name).collect(),
        model,
    })
}

/// Fixes the number of rows of the inputs.
pub(crate) fn fix_rows(graph: &mut GraphProto, rows: usize) {
    // Those of inner values would contradict it.
    graph.value_info.clear();
    let constants = &graph.initializer;
    for input in &mut graph.input {
        let constant = constants.iter().any(|tensor| tensor.name == input.name);
        if let (false, Some(first)) = (constant, dims_mut(input).and_then(<[_]>::first_mut)) {
            first.value = Some(DimValue(rows as i64));
        }
    }
}

fn signature(shape: Shape) -> (Vec<Expected>, Vec<Expected>) {
    let float = |name, dims: &[usize]| Expected {
        name,
        element: DataType::Float,
        dims: dims.to_vec(),
    };
    let mut inputs = vec![float("features", &[shape.steps, shape.width])];
    let mut outputs = vec![float("posteriors", &[shape.classes])];
    if shape.state > 0 {
        inputs.push(float("state", &[shape.state]));
        inputs.push(Expected {
            name: "valid_steps",
            element: DataType::Int32,
            dims: Vec::new(),
        });
        outputs.push(float("next_state", &[shape.state]));
    }
    (inputs, outputs)
}

fn find(values: &[ValueInfoProto], what: &str, expected: &Expected) -> Result<(), Error> {
    let Expected {
        name,
        element,
        dims,
    } = expected;
    let behind_rows: String = dims.iter().map(|dim| format!(", {dim}")).collect();
    let expected = format!("expected {} [rows{behind_rows}]", element.as_str_name());
    let value = values.iter().find(|value| value.name == *name);
    let value =
        value.ok_or_else(|| Error::Package(format!("{what} {name:?} is missing; {expected}")))?;
    let same_element = element_of(value) == Some(*element as i32);
    let same_dims = dims_of(value).is_some_and(|found| {
        let fixed = |(found, dim): (&Dimension, &usize)| match found.value {
            Some(DimValue(found)) => usize::try_from(found) == Ok(*dim),
            _ => false,
        };
        // Rows that are fixed would be so for one of the plans only.
        found.len() == dims.len() + 1
            && !matches!(found[0].value, Some(DimValue(_)))
            && found[1..].iter().zip(dims).all(fixed)
    });
    match same_element && same_dims {
        true => Ok(()),
        false => Err(Error::Package(format!(
            "{what} {name:?} is of another type; {expected}"
        ))),
    }
}

fn element_of(value: &ValueInfoProto) -> Option<i32> {
    let TensorType(tensor) = value.r#type.as_ref()?.value.as_ref()?;
    Some(tensor.elem_type)
}

fn dims_of(value: &ValueInfoProto) -> Option<&[Dimension]> {
    let TensorType(tensor) = value.r#type.as_ref()?.value.as_ref()?;
    Some(&tensor.shape.as_ref()?.dim)
}

fn dims_mut(value: &mut ValueInfoProto) -> Option<&mut [Dimension]> {
    let TensorType(tensor) = value.r#type.as_mut()?.value.as_mut()?;
    Some(&mut tensor.shape.as_mut()?.dim)
}

/// A tensor has as many values as its dimensions say, in the file itself: whoever
/// makes room by the dimensions makes no more than the file is large.
fn check_tensor(tensor: &TensorProto) -> Result<(), Error> {
    let (size, typed) = match DataType::try_from(tensor.data_type) {
        Ok(DataType::Float) => (4, tensor.float_data.len()),
        Ok(DataType::Int32) => (4, tensor.int32_data.len()),
        Ok(DataType::Int64) => (8, tensor.int64_data.len()),
        Ok(DataType::Double) => (8, tensor.double_data.len()),
        Ok(DataType::Float16) => (2, tensor.int32_data.len()),
        Ok(DataType::Bool) => (1, tensor.int32_data.len()),
        _ => {
            let reason = format!("{:?}: data type {}", tensor.name, tensor.data_type);
            return Err(Error::Unsupported(reason));
        }
    };
    let product = |product: usize, dim: &i64| product.checked_mul(usize::try_from(*dim).ok()?);
    let expected = tensor.dims.iter().try_fold(1, product);
    let (raw, rest) = (tensor.raw_data.len() / size, tensor.raw_data.len() % size);
    let found = if raw > 0 { raw } else { typed };
    if rest == 0 && expected == Some(found) {
        return Ok(());
    }
    let (name, dims) = (&tensor.name, &tensor.dims);
    let reason = format!("{name:?} has {found} values, which don't fill {dims:?}");
    Err(Error::Package(reason))
}

fn check_node(onnx: &Onnx, node: &NodeProto) -> Result<(), Error> {
    let unsupported = |reason: String| {
        let outputs: Vec<_> = node.output.iter().filter(|name| !name.is_empty()).collect();
        let reason = format!(
            "node {} {:?} of {outputs:?}: {reason}",
            node.op_type, node.name
        );
        Err(Error::Unsupported(reason))
    };
    if !node.domain.is_empty() || !onnx.op_register.0.contains_key(&node.op_type) {
        return unsupported("tract has no such operator".to_owned());
    }
    for attribute in &node.attribute {
        if attribute.g.is_some() || !attribute.graphs.is_empty() {
            return unsupported(format!("attribute {:?} is a graph", attribute.name));
        }
        attribute
            .t
            .iter()
            .chain(&attribute.tensors)
            .try_for_each(check_tensor)?;
    }
    if node.op_type != "LSTM" {
        return Ok(());
    }
    for attribute in &node.attribute {
        let known = match attribute.name.as_str() {
            "hidden_size" | "layout" => true,
            "direction" => attribute.s == b"forward" || attribute.s == b"bidirectional",
            "activations" => attribute
                .strings
                .chunks(ACTIVATIONS.len())
                .all(|one| one == ACTIVATIONS),
            "input_forget" => attribute.i == 0,
            _ => false,
        };
        if !known {
            return unsupported(format!("attribute {:?}", attribute.name));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tract_onnx::pb::AttributeProto;

    use super::*;

    fn refusal(op_type: &str, attribute: AttributeProto) -> String {
        let node = NodeProto {
            op_type: op_type.to_owned(),
            output: vec![String::new(), "h".to_owned()],
            attribute: vec![attribute],
            ..NodeProto::default()
        };
        check_node(&tract_onnx::onnx(), &node)
            .unwrap_err()
            .to_string()
    }

    fn text(name: &str, value: &[u8]) -> AttributeProto {
        AttributeProto {
            name: name.to_owned(),
            s: value.to_vec(),
            ..AttributeProto::default()
        }
    }

    /// tract would compute something else without a word.
    #[test]
    fn what_tract_leaves_unread_in_an_lstm_is_refused() {
        let start = "node LSTM \"\" of [\"h\"]: attribute ";
        for attribute in [
            text("direction", b"reverse"),
            text("clip", b""),
            AttributeProto {
                strings: vec![b"Sigmoid".to_vec(), b"Relu".to_vec(), b"Tanh".to_vec()],
                ..text("activations", b"")
            },
        ] {
            let name = attribute.name.clone();
            assert_eq!(refusal("LSTM", attribute), format!("{start}{name:?}"));
        }
    }

    #[test]
    fn an_operator_that_tract_does_not_have_is_named() {
        assert_eq!(
            refusal("Softmix", text("axis", b"")),
            "node Softmix \"\" of [\"h\"]: tract has no such operator"
        );
    }

    /// Nobody would look at its nodes.
    #[test]
    fn a_node_with_a_graph_of_its_own_is_refused() {
        let body = AttributeProto {
            g: Some(GraphProto::default()),
            ..text("body", b"")
        };
        assert_eq!(
            refusal("Scan", body),
            "node Scan \"\" of [\"h\"]: attribute \"body\" is a graph"
        );
    }

    #[test]
    fn a_constant_is_a_tensor_too() {
        let value = AttributeProto {
            t: Some(TensorProto {
                data_type: DataType::Float as i32,
                dims: vec![1 << 40],
                ..TensorProto::default()
            }),
            ..text("value", b"")
        };
        assert_eq!(
            refusal("Constant", value),
            "\"\" has 0 values, which don't fill [1099511627776]"
        );
    }

    #[test]
    fn a_tensor_is_as_long_as_it_says() {
        let mut tensor = TensorProto {
            name: "w".to_owned(),
            data_type: DataType::Float as i32,
            dims: vec![1 << 40, 1 << 40],
            raw_data: vec![0; 8],
            ..TensorProto::default()
        };
        assert_eq!(
            check_tensor(&tensor).unwrap_err().to_string(),
            "\"w\" has 2 values, which don't fill [1099511627776, 1099511627776]"
        );
        tensor.dims = vec![2];
        check_tensor(&tensor).unwrap();
        tensor.raw_data.clear();
        check_tensor(&tensor).unwrap_err();
        tensor.float_data = vec![0.0; 2];
        check_tensor(&tensor).unwrap();
    }
}
