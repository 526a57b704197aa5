//! Tensors in requests and responses.

use std::collections::HashMap;

use prost::bytes::{Buf, BufMut, Bytes, BytesMut};
use ser_backend::MAX_ROWS;
use ser_proto::inference::{
    InferParameter, InferTensorContents, ModelInferRequest, ModelInferResponse,
    infer_parameter::ParameterChoice, model_infer_request::InferInputTensor,
    model_infer_response::InferOutputTensor,
};

use crate::Error;

/// The one parameter of an output.
const CLASSIFICATION: &str = "classification";

/// The tensors of a request.
#[derive(Debug)]
pub(super) struct Inputs {
    tensors: Vec<Input>,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Input {
    name: String,
    pub(super) datatype: String,
    shape: Vec<i64>,
    values: Values,
}

#[derive(Debug)]
enum Values {
    /// Little-endian.
    Raw(Bytes),
    Typed(InferTensorContents),
}

impl Inputs {
    /// Takes each of `names` at most once, and nothing else.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`].
    pub(super) fn read(
        inputs: Vec<InferInputTensor>,
        raw: Vec<Bytes>,
        names: &[&str],
    ) -> Result<Self, Error> {
        if !raw.is_empty() && raw.len() != inputs.len() {
            return Err(Error::invalid(
                "raw_input_contents",
                format!("{} tensors", raw.len()),
                format!("as many as inputs, {}", inputs.len()),
            ));
        }
        let mut raw = raw.into_iter();
        let mut tensors: Vec<Input> = Vec::with_capacity(names.len());
        for input in inputs {
            let name = input.name;
            if !names.contains(&name.as_str()) {
                return Err(Error::invalid("inputs", format!("{name:?}"), or(names)));
            }
            if tensors.iter().any(|tensor| tensor.name == name) {
                let found = format!("{name:?} twice");
                return Err(Error::invalid("inputs", found, "it once"));
            }
            no_parameters(&format!("inputs.{name}.parameters"), &input.parameters)?;
            let values = match raw.next() {
                Some(raw) => Values::Raw(raw),
                None => Values::Typed(input.contents.unwrap_or_default()),
            };
            tensors.push(Input {
                name,
                datatype: input.datatype,
                shape: input.shape,
                values,
            });
        }
        Ok(Self { tensors })
    }

    pub(super) fn take(&mut self, name: &str) -> Option<Input> {
        let at = self.tensors.iter().position(|tensor| tensor.name == name)?;
        Some(self.tensors.swap_remove(at))
    }

    /// # Errors
    ///
    /// [`Error::Invalid`] where it is missing.
    pub(super) fn require(&mut self, name: &str) -> Result<Input, Error> {
        self.take(name)
            .ok_or_else(|| Error::invalid("inputs", format!("{name:?} is missing"), name))
    }
}

impl Input {
    /// Rows, and columns of `columns`, which are checked where they have a size.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] of another shape.
    pub(super) fn shape(&self, columns: &[(&str, Option<usize>)]) -> Result<Shape, Error> {
        let wrong = |found: String, expected: String| {
            Error::invalid(format!("inputs.{}.shape", self.name), found, expected)
        };
        let expected = || {
            let columns = columns.iter().map(|(name, size)| match size {
                Some(size) => format!("{size}"),
                None => (*name).to_owned(),
            });
            let columns: Vec<_> = columns.collect();
            wrong(
                format!("{:?}", self.shape),
                format!("[rows, {}]", columns.join(", ")),
            )
        };
        let (&rows, sizes) = self.shape.split_first().ok_or_else(expected)?;
        if sizes.len() != columns.len() {
            return Err(expected());
        }
        let mut values = 1;
        for (&found, (_, wanted)) in sizes.iter().zip(columns) {
            let found = usize::try_from(found).ok().filter(|&size| size > 0);
            let fits = found.filter(|size| wanted.is_none_or(|wanted| wanted == *size));
            let product = fits.and_then(|size| size.checked_mul(values));
            // No request holds more.
            values = product
                .filter(|&values| values <= u32::MAX as usize)
                .ok_or_else(expected)?;
        }
        let rows = usize::try_from(rows)
            .ok()
            .filter(|rows| (1..=MAX_ROWS).contains(rows))
            .ok_or_else(|| wrong(format!("{rows} rows"), format!("1 to {MAX_ROWS}")))?;
        Ok(Shape { rows, values })
    }

    /// The values, which are of `shape`.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] of another type, of too many or too few, and of one that
    /// isn't finite.
    pub(super) fn floats(self, shape: Shape) -> Result<Vec<f32>, Error> {
        self.check_datatype(&["FP32"])?;
        let values: Vec<f32> = match &self.values {
            Values::Raw(raw) => {
                self.check_bytes(raw, shape, size_of::<f32>())?;
                let mut raw = raw.as_ref();
                (0..shape.len()).map(|_| raw.get_f32_le()).collect()
            }
            Values::Typed(typed) => typed.fp32_contents.clone(),
        };
        self.check_count(values.len(), shape)?;
        match values.iter().position(|value| !value.is_finite()) {
            None => Ok(values),
            Some(at) => Err(Error::invalid(
                format!("inputs.{}", self.name),
                format!("value {at} is {}", values[at]),
                "finite numbers",
            )),
        }
    }

    /// The same of integers.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`].
    pub(super) fn integers(self, shape: Shape) -> Result<Vec<i32>, Error> {
        self.check_datatype(&["INT32"])?;
        let values: Vec<i32> = match &self.values {
            Values::Raw(raw) => {
                self.check_bytes(raw, shape, size_of::<i32>())?;
                let mut raw = raw.as_ref();
                (0..shape.len()).map(|_| raw.get_i32_le()).collect()
            }
            Values::Typed(typed) => typed.int_contents.clone(),
        };
        self.check_count(values.len(), shape)?;
        Ok(values)
    }

    /// The bytes of FP32 or INT16, little-endian, whatever the numbers.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`].
    pub(super) fn bytes(self, shape: Shape) -> Result<Bytes, Error> {
        self.check_datatype(&["FP32", "INT16"])?;
        let is_float = self.datatype == "FP32";
        match &self.values {
            Values::Raw(raw) => {
                let size = if is_float { 4 } else { 2 };
                self.check_bytes(raw, shape, size)?;
                Ok(raw.clone())
            }
            Values::Typed(typed) if is_float => {
                self.check_count(typed.fp32_contents.len(), shape)?;
                Ok(little_endian(&typed.fp32_contents))
            }
            Values::Typed(typed) => {
                self.check_count(typed.int_contents.len(), shape)?;
                let mut bytes = BytesMut::with_capacity(2 * typed.int_contents.len());
                for (at, &value) in typed.int_contents.iter().enumerate() {
                    bytes.put_i16_le(i16::try_from(value).map_err(|_| {
                        Error::invalid(
                            format!("inputs.{}", self.name),
                            format!("value {at} is {value}"),
                            "INT16",
                        )
                    })?);
                }
                Ok(bytes.freeze())
            }
        }
    }

    fn check_datatype(&self, expected: &[&str]) -> Result<(), Error> {
        if expected.contains(&self.datatype.as_str()) {
            return Ok(());
        }
        Err(Error::invalid(
            format!("inputs.{}.datatype", self.name),
            format!("{:?}", self.datatype),
            or(expected),
        ))
    }

    fn check_bytes(&self, raw: &Bytes, shape: Shape, size: usize) -> Result<(), Error> {
        self.check_size(raw.len(), shape.len() * size, "bytes")
    }

    fn check_count(&self, values: usize, shape: Shape) -> Result<(), Error> {
        self.check_size(values, shape.len(), "values")
    }

    fn check_size(&self, found: usize, expected: usize, of: &str) -> Result<(), Error> {
        if found == expected {
            return Ok(());
        }
        Err(Error::invalid(
            format!("inputs.{}", self.name),
            format!("{found} {of}"),
            expected.to_string(),
        ))
    }
}

/// The shape of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) rows: usize,
    /// Values of a row.
    pub(super) values: usize,
}

impl Shape {
    fn len(self) -> usize {
        self.rows * self.values
    }
}

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

/// The parameter called `known`, where nothing else is.
///
/// # Errors
///
/// [`Error::Invalid`] of another.
pub(super) fn only<'a, P>(
    known: &str,
    field: &str,
    parameters: &'a HashMap<String, P>,
) -> Result<Option<&'a P>, Error> {
    match parameters.keys().find(|name| *name != known) {
        None => Ok(parameters.get(known)),
        Some(name) => {
            let expected = match known {
                "" => "none".to_owned(),
                known => format!("none but {known}"),
            };
            Err(Error::invalid(field, format!("{name:?}"), expected))
        }
    }
}

/// # Errors
///
/// [`Error::Invalid`] of any parameter.
pub(super) fn no_parameters<P>(field: &str, parameters: &HashMap<String, P>) -> Result<(), Error> {
    only("", field, parameters).map(drop)
}

/// How errors write a parameter's value.
pub(super) fn described(value: Option<&ParameterChoice>) -> String {
    match value {
        Some(ParameterChoice::Int64Param(number)) => number.to_string(),
        Some(_) => "of another type".to_owned(),
        None => "missing".to_owned(),
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

/// A size as the protocol writes it.
pub(super) fn size(count: usize) -> i64 {
    i64::try_from(count).expect("tensors fit into memory")
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

fn little_endian(values: &[f32]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(size_of_val(values));
    values.iter().for_each(|&value| bytes.put_f32_le(value));
    bytes.freeze()
}

fn texts(values: &[String]) -> Bytes {
    let mut bytes = BytesMut::new();
    for value in values {
        bytes.put_u32_le(u32::try_from(value.len()).expect("a label is short"));
        bytes.put_slice(value.as_bytes());
    }
    bytes.freeze()
}

/// `a`, `a or b`, `a, b or c`.
fn or(names: &[&str]) -> String {
    match names {
        [] => "none".to_owned(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}
