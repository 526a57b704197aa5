//! The tensors of a request.

use prost::bytes::{Buf, BufMut, Bytes, BytesMut};
use ser_backend::MAX_ROWS;
use ser_proto::inference::{InferTensorContents, model_infer_request::InferInputTensor};

use super::tensors::{little_endian, no_parameters, or};
use crate::Error;

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
