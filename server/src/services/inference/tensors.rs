//! How tensors are written, and the parameters beside them.

use std::collections::HashMap;

use prost::bytes::{BufMut, Bytes, BytesMut};
use ser_proto::inference::infer_parameter::ParameterChoice;

use crate::Error;

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

/// A size as the protocol writes it.
pub(super) fn size(count: usize) -> i64 {
    i64::try_from(count).expect("tensors fit into memory")
}

/// Numbers as they are sent.
pub(super) fn little_endian(values: &[f32]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(size_of_val(values));
    values.iter().for_each(|&value| bytes.put_f32_le(value));
    bytes.freeze()
}

/// `a`, `a or b`, `a, b or c`.
pub(super) fn or(names: &[&str]) -> String {
    match names {
        [] => "none".to_owned(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}
