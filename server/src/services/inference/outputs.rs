//! The tensors of a response.

use std::collections::HashMap;

use prost::bytes::{BufMut, Bytes, BytesMut};
use ser_proto::inference::{
    InferParameter, ModelInferRequest, ModelInferResponse, infer_parameter::ParameterChoice,
    model_infer_response::InferOutputTensor,
};

use super::tensors::{described, little_endian, only, or, size};
use crate::Error;

/// The one parameter of an output.
const CLASSIFICATION: &str = "classification";

/// The tensors that a model gives.
#[derive(Debug)]
pub(super) struct Outputs {
    pub(super) rows: usize,
    pub(super) tensors: Vec<(&'static str, Output)>,
}

/// One of them, `[rows, …]`.
#[derive(Debug)]
pub(super) enum Output {
    Floats(Vec<f32>),
    Texts(Vec<String>),
}

/// An output that a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Requested {
    name: &'static str,
    /// So many of the best labels instead of the tensor.
    classes: Option<usize>,
}

/// What of `names` the request wants, by default all.
///
/// # Errors
///
/// [`Error::Invalid`].
pub(super) fn requested(
    request: &ModelInferRequest,
    names: &[&'static str],
) -> Result<Vec<Requested>, Error> {
    if request.outputs.is_empty() {
        let whole = |&name| Requested {
            name,
            classes: None,
        };
        return Ok(names.iter().map(whole).collect());
    }
    let read = request.outputs.iter().map(|output| {
        let name = names.iter().find(|name| **name == output.name);
        let name = *name
            .ok_or_else(|| Error::invalid("outputs", format!("{:?}", output.name), or(names)))?;
        Ok(Requested {
            name,
            classes: classes(name, &output.parameters)?,
        })
    });
    read.collect()
}

fn classes(
    name: &str,
    parameters: &HashMap<String, InferParameter>,
) -> Result<Option<usize>, Error> {
    let field = format!("outputs.{name}.parameters");
    let known = if name == "posteriors" {
        CLASSIFICATION
    } else {
        ""
    };
    let Some(parameter) = only(known, &field, parameters)? else {
        return Ok(None);
    };
    match parameter.parameter_choice {
        Some(ParameterChoice::Int64Param(count)) if count > 0 => {
            Ok(Some(usize::try_from(count).unwrap_or(usize::MAX)))
        }
        ref other => Err(Error::invalid(
            format!("{field}.{CLASSIFICATION}"),
            described(other.as_ref()),
            "an int64, at least 1",
        )),
    }
}

impl Outputs {
    /// Puts what is wanted into `response`. `labels` name the columns of
    /// `posteriors`.
    pub(super) fn write(
        &self,
        wanted: &[Requested],
        labels: &[String],
        response: &mut ModelInferResponse,
    ) {
        for wanted in wanted {
            let named = self.tensors.iter().find(|(name, _)| *name == wanted.name);
            let Some((_, output)) = named else { continue };
            let (datatype, values, raw) = match (output, wanted.classes) {
                (Output::Floats(values), Some(classes)) => {
                    let best = classification(values, labels, classes);
                    ("BYTES", best.len(), texts(&best))
                }
                (Output::Floats(values), None) => ("FP32", values.len(), little_endian(values)),
                (Output::Texts(values), _) => ("BYTES", values.len(), texts(values)),
            };
            response.outputs.push(InferOutputTensor {
                name: wanted.name.to_owned(),
                datatype: datatype.to_owned(),
                shape: [self.rows, values / self.rows].map(size).into(),
                ..InferOutputTensor::default()
            });
            response.raw_output_contents.push(raw);
        }
    }
}

/// The likeliest labels of each row, best first, as `probability:index:label`.
fn classification(posteriors: &[f32], labels: &[String], classes: usize) -> Vec<String> {
    let rows = posteriors.chunks_exact(labels.len().max(1));
    rows.flat_map(|row| {
        let mut best: Vec<_> = row.iter().zip(labels).enumerate().collect();
        best.sort_by(|(_, (left, _)), (_, (right, _))| right.total_cmp(left));
        best.truncate(classes);
        best.into_iter()
            .map(|(index, (probability, label))| format!("{probability:.6}:{index}:{label}"))
    })
    .collect()
}

fn texts(values: &[String]) -> Bytes {
    let mut bytes = BytesMut::new();
    for value in values {
        bytes.put_u32_le(u32::try_from(value.len()).expect("a label is short"));
        bytes.put_slice(value.as_bytes());
    }
    bytes.freeze()
}
