//! Models as other frameworks export them.

use std::collections::{HashMap, HashSet};

use prost::Message as _;

use crate::{
    Graph, GraphError,
    builder::unique,
    onnx::{
        GraphProto, ModelProto, NodeProto, TensorProto, TypeProto, ValueInfoProto,
        tensor_shape_proto::dimension::Value as Size, type_proto,
    },
    read::{MAX_BYTES, check_versions},
    shape::MAX_ROW_LEN,
    write::{float_tensor, int},
};

/// What the input of a model package is called.
const FEATURES: &str = "features";

/// What the output of a model package is called.
const POSTERIORS: &str = "posteriors";

/// An ONNX model as a framework exported it, with one input `[rows, steps, width]`
/// and one output, which this type calls by the names of a model package. Its nodes
/// stay as they are.
#[derive(Clone, Debug)]
pub struct ForeignModel {
    model: ModelProto,
}

impl ForeignModel {
    /// Reads a model. `external` gives the bytes of a file that lies beside the
    /// model's, for weights that are kept there.
    ///
    /// # Errors
    ///
    /// When the bytes are no ONNX model, it has not exactly one input and one
    /// output, or weights can't be had.
    pub fn read(
        bytes: &[u8],
        mut external: impl FnMut(&str) -> Result<Vec<u8>, String>,
    ) -> Result<Self, GraphError> {
        let mut model =
            ModelProto::decode(bytes).map_err(|error| GraphError::Decode(error.to_string()))?;
        check_versions(&model)?;
        let graph = model
            .graph
            .as_mut()
            .ok_or_else(|| GraphError::model("graph", "missing, expected one"))?;
        embed(graph, &mut external)?;
        let constants: HashSet<_> = graph
            .initializer
            .iter()
            .map(|tensor| tensor.name())
            .collect();
        // Old files list initialisers among the inputs too.
        graph.input = graph
            .input
            .iter()
            .filter(|input| !constants.contains(input.name()))
            .cloned()
            .collect();
        let input = only("inputs", &graph.input)?;
        let output = only("outputs", &graph.output)?;
        if input == output {
            return Err(GraphError::model(
                format!("output {output:?}"),
                "is the input, too",
            ));
        }
        rename(graph, &input, FEATURES);
        rename(graph, &output, POSTERIORS);
        Ok(Self { model })
    }

    /// The program that wrote the model, as it calls itself.
    #[must_use]
    pub fn producer(&self) -> String {
        let parts = [self.model.producer_name(), self.model.producer_version()];
        let parts = parts.map(str::trim).into_iter();
        let named: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
        named.join(" ")
    }

    /// The sizes `[steps, width]` of the input.
    ///
    /// # Errors
    ///
    /// When the input isn't `[rows, steps, width]` with a number of rows that is
    /// left open, or a row is empty or too large.
    pub fn row_shape(&self) -> Result<[usize; 2], GraphError> {
        let input = &self.graph().input[0];
        let sizes = sizes(input).unwrap_or_default();
        match sizes[..] {
            [None, Some(steps), Some(width)] => {
                let values = steps.saturating_mul(width);
                if !(1..=MAX_ROW_LEN).contains(&values) {
                    let reason = format!(
                        "has shape [any, {steps}, {width}], expected 1 to {MAX_ROW_LEN} values a row"
                    );
                    return Err(GraphError::model("the input", reason));
                }
                Ok([steps, width])
            }
            _ => {
                let size = |size: &Option<usize>| size.map_or("any".to_owned(), |n| n.to_string());
                let sizes: Vec<_> = sizes.iter().map(size).collect();
                let reason = format!(
                    "has shape [{}], expected [any, steps, width]; export it with a batch \
                     dimension that is left open",
                    sizes.join(", ")
                );
                Err(GraphError::model("the input", reason))
            }
        }
    }

    /// Lets the model take raw features: `(features − mean) / deviation` goes where
    /// the features went. As many numbers as `steps · width`.
    ///
    /// # Errors
    ///
    /// When there are more or fewer numbers.
    pub fn standardise(&mut self, mean: &[f32], deviation: &[f32]) -> Result<(), GraphError> {
        let [steps, width] = self.row_shape()?;
        for (what, values) in [("mean", mean), ("deviation", deviation)] {
            if values.len() != steps * width {
                let reason = format!("{} numbers, expected {}", values.len(), steps * width);
                return Err(GraphError::model(what, reason));
            }
        }
        let graph = self.graph_mut();
        let mut names = names(graph);
        let [mean_name, deviation_name, centred, standardised] =
            ["mean", "deviation", "centred", "standardised"].map(|name| unique(&mut names, name));
        for name in graph.node.iter_mut().flat_map(|node| &mut node.input) {
            if name == FEATURES {
                name.clone_from(&standardised);
            }
        }
        for (name, values) in [(&mean_name, mean), (&deviation_name, deviation)] {
            graph.initializer.push(TensorProto {
                name: Some(name.clone()),
                ..float_tensor(&[steps, width], values)
            });
        }
        let nodes = [
            node("Sub", &[FEATURES, &mean_name], &centred),
            node("Div", &[&centred, &deviation_name], &standardised),
        ];
        graph.node.splice(0..0, nodes);
        Ok(())
    }

    /// Lets a model that ends in logits give posteriors.
    pub fn softmax(&mut self) {
        let graph = self.graph_mut();
        let logits = unique(&mut names(graph), "logits");
        for node in &mut graph.node {
            for name in node.input.iter_mut().chain(&mut node.output) {
                if name == POSTERIORS {
                    name.clone_from(&logits);
                }
            }
        }
        let mut softmax = node("Softmax", &[&logits], POSTERIORS);
        softmax.attribute.push(int("axis", -1));
        graph.node.push(softmax);
    }

    /// The bytes of an ONNX model, weights inside.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        self.model.encode_to_vec()
    }

    /// The model as a graph of the LSTM-classifier family, in as few nodes as it
    /// takes.
    ///
    /// # Errors
    ///
    /// Naming the first node that isn't of the family.
    pub fn simplified(&self) -> Result<Graph, GraphError> {
        Graph::read(&self.write())?.simplified()
    }

    fn graph(&self) -> &GraphProto {
        self.model.graph.as_ref().expect("checked by read")
    }

    fn graph_mut(&mut self) -> &mut GraphProto {
        self.model.graph.as_mut().expect("checked by read")
    }
}

fn only(what: &str, values: &[ValueInfoProto]) -> Result<String, GraphError> {
    match values {
        [value] => Ok(value.name().to_owned()),
        _ => {
            let names: Vec<_> = values.iter().map(ValueInfoProto::name).collect();
            let reason = format!("{names:?}, expected exactly one");
            Err(GraphError::model(what, reason))
        }
    }
}

/// The sizes of the axes, `None` where they are left open.
fn sizes(value: &ValueInfoProto) -> Option<Vec<Option<usize>>> {
    let Some(TypeProto {
        value: Some(type_proto::Value::TensorType(tensor)),
    }) = &value.r#type
    else {
        return None;
    };
    let dims = tensor.shape.as_ref()?.dim.iter();
    let size = |size: &Option<Size>| match size {
        Some(Size::DimValue(size)) => usize::try_from(*size).ok(),
        _ => None,
    };
    Some(dims.map(|dim| size(&dim.value)).collect())
}

/// Every name of a value.
fn names(graph: &GraphProto) -> HashSet<String> {
    let nodes = graph.node.iter();
    let values = nodes.flat_map(|node| node.input.iter().chain(&node.output));
    let constants = graph
        .initializer
        .iter()
        .filter_map(|tensor| tensor.name.as_ref());
    let ends = graph.input.iter().chain(&graph.output);
    let ends = ends.filter_map(|value| value.name.as_ref());
    values.chain(constants).chain(ends).cloned().collect()
}

/// Renames a value; another one that has the name already gets a new one.
fn rename(graph: &mut GraphProto, from: &str, to: &str) {
    let mut names = names(graph);
    if from == to {
        return;
    }
    let other = names.contains(to).then(|| unique(&mut names, to));
    let renamed = |name: &str| match &other {
        _ if name == from => Some(to.to_owned()),
        Some(other) if name == to => Some(other.clone()),
        _ => None,
    };
    let nodes = graph.node.iter_mut();
    let values = nodes.flat_map(|node| node.input.iter_mut().chain(&mut node.output));
    let constants = graph
        .initializer
        .iter_mut()
        .filter_map(|tensor| tensor.name.as_mut());
    let ends = graph.input.iter_mut().chain(&mut graph.output);
    let ends = ends.filter_map(|value| value.name.as_mut());
    for name in values.chain(constants).chain(ends) {
        if let Some(renamed) = renamed(name) {
            *name = renamed;
        }
    }
}

/// Takes weights that lie in other files into the model.
fn embed(
    graph: &mut GraphProto,
    external: &mut impl FnMut(&str) -> Result<Vec<u8>, String>,
) -> Result<(), GraphError> {
    let mut files: HashMap<String, Vec<u8>> = HashMap::new();
    let mut total = 0_usize;
    for tensor in &mut graph.initializer {
        if tensor.data_location() == 0 {
            continue;
        }
        let name = format!("initialiser {:?}", tensor.name());
        let fault = |reason: String| GraphError::model(name.as_str(), reason);
        let place = Place::of(tensor).map_err(fault)?;
        if !files.contains_key(&place.location) {
            let bytes = external(&place.location).map_err(fault)?;
            files.insert(place.location.clone(), bytes);
        }
        let file = &files[&place.location];
        let bytes = place.take(file).ok_or_else(|| {
            let size = file.len();
            fault(format!(
                "{place:?} is not in the file, which has {size} bytes"
            ))
        })?;
        total = total.saturating_add(bytes.len());
        if total > MAX_BYTES {
            return Err(fault(format!("weights are more than {MAX_BYTES} bytes")));
        }
        tensor.raw_data = Some(bytes.to_vec());
        tensor.external_data.clear();
        tensor.data_location = None;
    }
    Ok(())
}

/// Where a tensor's bytes lie.
#[derive(Debug)]
struct Place {
    location: String,
    offset: usize,
    length: Option<usize>,
}

impl Place {
    fn of(tensor: &TensorProto) -> Result<Self, String> {
        let entry = |key: &str| {
            let mut entries = tensor.external_data.iter();
            entries
                .find(|entry| entry.key() == key)
                .map(|entry| entry.value())
        };
        let number = |key: &str| {
            let parse = |text: &str| {
                let fault = |_| format!("external data: {key} {text:?}, expected a number");
                text.parse::<usize>().map_err(fault)
            };
            entry(key).map(parse).transpose()
        };
        let location = entry("location").ok_or("external data: no location, expected a file")?;
        Ok(Self {
            location: location.to_owned(),
            offset: number("offset")?.unwrap_or(0),
            length: number("length")?,
        })
    }

    fn take<'a>(&self, file: &'a [u8]) -> Option<&'a [u8]> {
        let rest = file.get(self.offset..)?;
        self.length.map_or(Some(rest), |length| rest.get(..length))
    }
}

fn node(op: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        input: inputs.iter().map(|name| (*name).to_owned()).collect(),
        output: vec![output.to_owned()],
        name: Some(output.to_owned()),
        op_type: Some(op.to_owned()),
        ..NodeProto::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::{
        OperatorSetIdProto, TensorShapeProto, tensor_shape_proto::Dimension, type_proto::Tensor,
    };

    fn value(name: &str, sizes: &[i64]) -> ValueInfoProto {
        let size = |value| Dimension { value };
        let rows = std::iter::once(size(None));
        let sizes = sizes.iter().map(|&size| Some(Size::DimValue(size)));
        let tensor = Tensor {
            shape: Some(TensorShapeProto {
                dim: rows.chain(sizes.map(size)).collect(),
            }),
            ..Tensor::default()
        };
        ValueInfoProto {
            name: Some(name.to_owned()),
            r#type: Some(TypeProto {
                value: Some(type_proto::Value::TensorType(tensor)),
            }),
        }
    }

    /// The product of such sizes overflows.
    #[test]
    fn a_row_that_is_too_large_is_refused() {
        for sizes in [[1 << 40, 1 << 40], [0, 1], [1 << 20, 2]] {
            let model = ModelProto {
                opset_import: vec![OperatorSetIdProto {
                    version: Some(17),
                    ..OperatorSetIdProto::default()
                }],
                graph: Some(GraphProto {
                    input: vec![value("x", &sizes)],
                    output: vec![value("y", &[3])],
                    ..GraphProto::default()
                }),
                ..ModelProto::default()
            };
            let unread = |_: &str| unreachable!("no weights elsewhere");
            let mut model = ForeignModel::read(&model.encode_to_vec(), unread).unwrap();
            let error = model.standardise(&[], &[]).unwrap_err().to_string();
            let [steps, width] = sizes;
            let expected = format!(
                "the input: has shape [any, {steps}, {width}], expected 1 to 1048576 values a row"
            );
            assert_eq!(error, expected);
        }
    }
}
