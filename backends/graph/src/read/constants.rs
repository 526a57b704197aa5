//! What is known before any row is, decoded when a node asks for it.

use std::collections::HashMap;

use super::known::{Data, Known, Size, fixed};
use crate::{
    Constant, Dim, GraphError,
    builder::MAX_NODES,
    onnx::{TensorProto, tensor_proto::DataType},
    shape::MAX_RANK,
};

/// Numbers in all constants of a graph together at most, counted as often as
/// nodes ask for them.
const MAX_NUMBERS: usize = 64 << 20;

/// Integers of a list at most: axes, sizes of shapes, and those of the parts of a
/// split, each of which is a node.
const MAX_INTS: usize = MAX_NODES;

/// The constants of a graph by name.
pub(super) struct Constants<'a> {
    tensors: HashMap<&'a str, Source<'a>>,
    numbers_left: usize,
}

/// Where a constant comes from.
#[derive(Clone)]
enum Source<'a> {
    /// It lies in the file.
    Stored(&'a TensorProto),
    /// Nodes computed it from others.
    Folded(Known),
}

impl<'a> Constants<'a> {
    pub(super) fn new(initialisers: &'a [TensorProto]) -> Result<Self, GraphError> {
        let mut constants = Self {
            tensors: HashMap::new(),
            numbers_left: MAX_NUMBERS,
        };
        for tensor in initialisers {
            constants.store(tensor.name(), tensor).map_err(|reason| {
                GraphError::model(format!("initialiser {:?}", tensor.name()), reason)
            })?;
        }
        Ok(constants)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    pub(super) fn store(&mut self, name: &'a str, tensor: &'a TensorProto) -> Result<(), String> {
        self.insert(name, Source::Stored(tensor))
    }

    /// Adds what nodes computed.
    pub(super) fn fold(&mut self, name: &'a str, known: Known) -> Result<(), String> {
        if known.dims.len() > MAX_RANK {
            let rank = known.dims.len();
            return Err(format!("has {rank} axes, expected at most {MAX_RANK}"));
        }
        if matches!(known.data, Data::Sizes(_)) {
            expect_list(&known.dims, known.len())?;
        }
        self.insert(name, Source::Folded(known))
    }

    fn insert(&mut self, name: &'a str, source: Source<'a>) -> Result<(), String> {
        match self.tensors.insert(name, source) {
            None => Ok(()),
            Some(_) => Err("the name is taken".to_owned()),
        }
    }

    pub(super) fn floats(&mut self, name: &str) -> Result<Constant, String> {
        let known = self.expect(name, DataType::Float)?;
        match known.data {
            Data::Floats(values) => Ok(Constant {
                dims: sizes(&known.dims),
                values,
            }),
            _ => Err(format!("constant {name:?} is no tensor of float32")),
        }
    }

    /// A list of integers, or a single one, in which the number of rows may occur.
    pub(super) fn sizes(&mut self, name: &str) -> Result<Vec<Size>, String> {
        let known = self.expect(name, DataType::Int64)?;
        match known.data {
            Data::Sizes(values) => Ok(values),
            _ => Err(format!("constant {name:?} is no list of integers")),
        }
    }

    /// A list of integers, or a single one.
    pub(super) fn ints(&mut self, name: &str) -> Result<Vec<i64>, String> {
        let number = |size| match size {
            Size::Number(number) => Ok(number),
            Size::Rows => Err(format!("constant {name:?} holds the number of rows")),
        };
        self.sizes(name)?.into_iter().map(number).collect()
    }

    /// Anything.
    pub(super) fn known(&mut self, name: &str) -> Result<Known, String> {
        let expected = match self.tensors.get(name) {
            Some(Source::Stored(tensor)) if tensor.data_type() != DataType::Float as i32 => {
                DataType::Int64
            }
            _ => DataType::Float,
        };
        self.expect(name, expected)
    }

    /// A tensor of one float32 that lies in a node.
    pub(super) fn one(&mut self, tensor: &TensorProto) -> Result<f32, String> {
        let known = self.decode(tensor, DataType::Float);
        match known
            .map_err(|reason| format!("attribute value {reason}"))?
            .data
        {
            Data::Floats(values) if values.len() == 1 => Ok(values[0]),
            _ => Err("attribute value holds several numbers, expected one".to_owned()),
        }
    }

    fn expect(&mut self, name: &str, expected: DataType) -> Result<Known, String> {
        let source = self.tensors.get(name).cloned();
        let fault = |reason: String| format!("constant {name:?} {reason}");
        match source {
            None => Err(format!("input {name:?} is not a constant")),
            Some(Source::Folded(known)) => {
                self.charge(known.len(), &known.dims).map_err(fault)?;
                Ok(known)
            }
            Some(Source::Stored(tensor)) => self.decode(tensor, expected).map_err(fault),
        }
    }

    fn decode(&mut self, tensor: &TensorProto, expected: DataType) -> Result<Known, String> {
        expect_type(tensor, expected)?;
        let dims = dims(tensor)?;
        let len = fixed(&dims).unwrap_or(usize::MAX);
        self.charge(len, &dims)?;
        let data = if expected == DataType::Float {
            Data::Floats(match tensor.raw_data.as_deref() {
                Some(raw) => numbers(raw, f32::from_le_bytes)?,
                None => tensor.float_data.clone(),
            })
        } else {
            expect_list(&dims, len)?;
            Data::Sizes(ints(tensor)?.into_iter().map(Size::Number).collect())
        };
        let known = Known { dims, data };
        expect_len(known.len(), len, &known.dims)?;
        Ok(known)
    }

    fn charge(&mut self, len: usize, dims: &[Dim]) -> Result<(), String> {
        let dims = sizes(dims);
        let left = self.numbers_left.checked_sub(len);
        self.numbers_left = left.ok_or_else(|| {
            format!("has shape {dims:?}: the graph holds more than {MAX_NUMBERS} constant numbers")
        })?;
        Ok(())
    }
}

fn dims(tensor: &TensorProto) -> Result<Vec<Dim>, String> {
    if tensor.data_location() != 0 {
        return Err("lies in another file, expected its data inside".to_owned());
    }
    if tensor.dims.len() > MAX_RANK {
        let rank = tensor.dims.len();
        return Err(format!("has {rank} axes, expected at most {MAX_RANK}"));
    }
    let dim = |size: &i64| {
        let size = usize::try_from(*size).ok().filter(|size| *size > 0);
        let fault = || format!("has shape {:?}, expected sizes of at least 1", tensor.dims);
        size.map(Dim::Fixed).ok_or_else(fault)
    };
    tensor.dims.iter().map(dim).collect()
}

fn ints(tensor: &TensorProto) -> Result<Vec<i64>, String> {
    let Some(raw) = tensor.raw_data.as_deref() else {
        let narrow = tensor.int32_data.iter().copied().map(i64::from);
        return Ok(match tensor.data_type() {
            kind if kind == DataType::Int64 as i32 => tensor.int64_data.clone(),
            _ => narrow.collect(),
        });
    };
    match DataType::try_from(tensor.data_type()) {
        Ok(DataType::Int32) => numbers(raw, |bytes| i64::from(i32::from_le_bytes(bytes))),
        Ok(DataType::Bool) => numbers(raw, |[byte]| i64::from(byte)),
        _ => numbers(raw, i64::from_le_bytes),
    }
}

fn numbers<T, const N: usize>(raw: &[u8], number: impl Fn([u8; N]) -> T) -> Result<Vec<T>, String> {
    let (chunks, rest) = raw.as_chunks::<N>();
    if rest.is_empty() {
        Ok(chunks.iter().copied().map(number).collect())
    } else {
        Err("ends within a number".to_owned())
    }
}

fn sizes(dims: &[Dim]) -> Vec<usize> {
    let size = |dim: &Dim| match dim {
        Dim::Rows => 1,
        Dim::Fixed(size) => *size,
    };
    dims.iter().map(size).collect()
}

fn expect_type(tensor: &TensorProto, expected: DataType) -> Result<(), String> {
    let found = tensor.data_type();
    let integers = [DataType::Int64, DataType::Int32, DataType::Bool];
    let fits = match expected {
        DataType::Int64 => integers.iter().any(|kind| found == *kind as i32),
        _ => found == expected as i32,
    };
    if fits {
        return Ok(());
    }
    let number = expected as i32;
    Err(format!(
        "has data type {found}, expected {number} ({expected:?})"
    ))
}

fn expect_list(dims: &[Dim], len: usize) -> Result<(), String> {
    if dims.len() > 1 {
        let dims = sizes(dims);
        return Err(format!("has shape {dims:?}, expected a list"));
    }
    if len > MAX_INTS {
        return Err(format!("holds {len} integers, expected at most {MAX_INTS}"));
    }
    Ok(())
}

fn expect_len(found: usize, expected: usize, dims: &[Dim]) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    let dims = sizes(dims);
    Err(format!(
        "holds {found} numbers, expected {expected} for its shape {dims:?}"
    ))
}
