//! Initialisers and constants, decoded when a node asks for them.

use std::collections::HashMap;

use crate::{
    Constant, GraphError,
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
    tensors: HashMap<&'a str, &'a TensorProto>,
    numbers_left: usize,
}

impl<'a> Constants<'a> {
    pub(super) fn new(initialisers: &'a [TensorProto]) -> Result<Self, GraphError> {
        let mut constants = Self {
            tensors: HashMap::new(),
            numbers_left: MAX_NUMBERS,
        };
        for tensor in initialisers {
            constants.insert(tensor.name(), tensor).map_err(|reason| {
                GraphError::model(format!("initialiser {:?}", tensor.name()), reason)
            })?;
        }
        Ok(constants)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    pub(super) fn insert(&mut self, name: &'a str, tensor: &'a TensorProto) -> Result<(), String> {
        match self.tensors.insert(name, tensor) {
            None => Ok(()),
            Some(_) => Err("the name is taken".to_owned()),
        }
    }

    /// Gives a constant a second name.
    pub(super) fn alias(&mut self, name: &'a str, of: &str) -> Result<(), String> {
        let tensor = self.tensor(of)?;
        self.insert(name, tensor)
    }

    pub(super) fn floats(&mut self, name: &str) -> Result<Constant, String> {
        let tensor = self.tensor(name)?;
        let fault = |reason: String| format!("constant {name:?} {reason}");
        expect_type(tensor, DataType::Float).map_err(fault)?;
        let (dims, len) = self.dims(tensor).map_err(fault)?;
        let values = match tensor.raw_data.as_deref() {
            Some(raw) => {
                let (chunks, rest) = raw.as_chunks::<4>();
                whole(rest).map_err(fault)?;
                chunks
                    .iter()
                    .map(|bytes| f32::from_le_bytes(*bytes))
                    .collect()
            }
            None => tensor.float_data.clone(),
        };
        expect_len(values.len(), len, &dims).map_err(fault)?;
        Ok(Constant { dims, values })
    }

    /// A list of integers, or a single one.
    pub(super) fn ints(&mut self, name: &str) -> Result<Vec<i64>, String> {
        let tensor = self.tensor(name)?;
        let fault = |reason: String| format!("constant {name:?} {reason}");
        expect_type(tensor, DataType::Int64).map_err(fault)?;
        let (dims, len) = self.dims(tensor).map_err(fault)?;
        if dims.len() > 1 {
            return Err(fault(format!("has shape {dims:?}, expected a list")));
        }
        if len > MAX_INTS {
            return Err(fault(format!(
                "holds {len} integers, expected at most {MAX_INTS}"
            )));
        }
        let values = match tensor.raw_data.as_deref() {
            Some(raw) => {
                let (chunks, rest) = raw.as_chunks::<8>();
                whole(rest).map_err(fault)?;
                chunks
                    .iter()
                    .map(|bytes| i64::from_le_bytes(*bytes))
                    .collect()
            }
            None => tensor.int64_data.clone(),
        };
        expect_len(values.len(), len, &dims).map_err(fault)?;
        Ok(values)
    }

    fn tensor(&self, name: &str) -> Result<&'a TensorProto, String> {
        let tensor = self.tensors.get(name);
        tensor
            .copied()
            .ok_or_else(|| format!("input {name:?} is not a constant"))
    }

    fn dims(&mut self, tensor: &TensorProto) -> Result<(Vec<usize>, usize), String> {
        if tensor.data_location() != 0 {
            return Err("lies in another file, expected its data inside".to_owned());
        }
        if tensor.dims.len() > MAX_RANK {
            let rank = tensor.dims.len();
            return Err(format!("has {rank} axes, expected at most {MAX_RANK}"));
        }
        let sizes = || format!("has shape {:?}, expected sizes of at least 1", tensor.dims);
        let dims: Vec<usize> = tensor
            .dims
            .iter()
            .map(|size| {
                usize::try_from(*size)
                    .ok()
                    .filter(|size| *size > 0)
                    .ok_or_else(sizes)
            })
            .collect::<Result<_, _>>()?;
        let len = dims
            .iter()
            .try_fold(1_usize, |len, size| len.checked_mul(*size));
        let left = len.and_then(|len| self.numbers_left.checked_sub(len));
        match (len, left) {
            (Some(len), Some(left)) => {
                self.numbers_left = left;
                Ok((dims, len))
            }
            _ => Err(format!(
                "has shape {dims:?}: the graph holds more than {MAX_NUMBERS} constant numbers"
            )),
        }
    }
}

fn expect_type(tensor: &TensorProto, expected: DataType) -> Result<(), String> {
    if tensor.data_type() == expected as i32 {
        return Ok(());
    }
    Err(format!(
        "has data type {}, expected {} ({expected:?})",
        tensor.data_type(),
        expected as i32
    ))
}

fn whole(rest: &[u8]) -> Result<(), String> {
    if rest.is_empty() {
        Ok(())
    } else {
        Err("ends within a number".to_owned())
    }
}

fn expect_len(found: usize, expected: usize, dims: &[usize]) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    Err(format!(
        "holds {found} numbers, expected {expected} for its shape {dims:?}"
    ))
}
