//! The large weights of a graph, kept once for all sessions of it.
//!
//! ONNX Runtime shares a weight among sessions, and the form into which it packs it,
//! if the session is given it as a value. It doesn't tell a graph's weights, so they
//! are looked up in the graph's protobuf: a `ModelProto` with its `GraphProto` and
//! their `TensorProto`s, of which five fields each matter here.
//!
//! On the CPU only: a session on a GPU has its weights there, and drops these.

use std::sync::Arc;

use ort::{
    session::builder::{PrepackedWeights, SessionBuilder},
    value::{DynValue, Tensor},
};

use crate::protobuf::{Field, Fields, varint};

/// Smaller weights than this many values cost less than their sharing.
const LARGE: usize = 1_024;

/// `TensorProto.DataType.FLOAT`.
const FLOAT: u64 = 1;

/// Weights that sessions share.
#[derive(Debug)]
pub(crate) struct SharedWeights {
    values: Vec<(String, Arc<DynValue>)>,
    packed: PrepackedWeights,
}

impl SharedWeights {
    /// Finds them in `model.onnx`. What isn't understood is not shared: a graph that
    /// is broken is refused where a session is made of it.
    pub(crate) fn read(model: &[u8]) -> Result<Self, ort::Error> {
        Self::share(large_weights(model))
    }

    fn share(weights: Vec<Weight>) -> Result<Self, ort::Error> {
        let mut values = Vec::new();
        for weight in weights {
            let value = Tensor::from_array((weight.dims, weight.values))?;
            values.push((weight.name, Arc::new(value.into_dyn())));
        }
        Ok(Self {
            values,
            packed: PrepackedWeights::new(),
        })
    }

    /// Gives them to a session that is to be made.
    pub(crate) fn give(&self, mut builder: SessionBuilder) -> Result<SessionBuilder, ort::Error> {
        for (name, value) in &self.values {
            builder = builder.with_initializer(name, Arc::clone(value))?;
        }
        Ok(builder.with_prepacked_weights(&self.packed)?)
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Weight {
    name: String,
    dims: Vec<i64>,
    values: Vec<f32>,
}

fn large_weights(model: &[u8]) -> Vec<Weight> {
    let graphs = fields(model).filter_map(|field| field.bytes(7));
    let graph: Vec<Field<'_>> = graphs.flat_map(fields).collect();
    // What is an input too may be given anew in each call.
    let inputs = graph.iter().filter_map(|field| field.bytes(11));
    let inputs: Vec<&[u8]> = inputs
        .flat_map(|input| fields(input).filter_map(|field| field.bytes(1)))
        .collect();
    graph
        .iter()
        .filter_map(|field| field.bytes(5).and_then(weight))
        .filter(|weight| weight.values.len() >= LARGE)
        .filter(|weight| !inputs.contains(&weight.name.as_bytes()))
        .collect()
}

/// Those up to the first that is malformed.
fn fields(message: &[u8]) -> impl Iterator<Item = Field<'_>> {
    Fields(message).map_while(Result::ok)
}

/// A float tensor whose values lie in the graph.
fn weight(tensor: &[u8]) -> Option<Weight> {
    let (mut name, mut dims, mut floats) = (None, Vec::new(), false);
    let mut values: Vec<f32> = Vec::new();
    for field in fields(tensor) {
        match field {
            Field::Number(1, size) => dims.push(i64::try_from(size).ok()?),
            Field::Bytes(1, mut packed) => {
                while !packed.is_empty() {
                    dims.push(i64::try_from(varint(&mut packed).ok()?).ok()?);
                }
            }
            Field::Number(2, element) => floats = element == FLOAT,
            // `float_data`, packed, or `raw_data`: little-endian both.
            Field::Bytes(4 | 9, data) => {
                let chunks = data.as_chunks::<4>().0;
                values.extend(chunks.iter().map(|bytes| f32::from_le_bytes(*bytes)));
            }
            Field::Bytes(8, text) => name = Some(std::str::from_utf8(text).ok()?.to_owned()),
            _ => {}
        }
    }
    let size = dims
        .iter()
        .try_fold(1_i64, |size, dim| size.checked_mul(*dim))?;
    let whole = usize::try_from(size) == Ok(values.len());
    (floats && whole).then_some(Weight {
        name: name?,
        dims,
        values,
    })
}

#[cfg(test)]
mod tests {
    use ort::session::Session;

    use super::*;
    use crate::{
        library,
        protobuf::tests::{bytes, number},
    };

    const SEED: &[u8] = include_bytes!("../../../models/tess-lstm/1/model.onnx");

    /// `[32, 32]` of these values.
    fn tensor(name: &str, values_field: u8, values: &[f32]) -> Vec<u8> {
        let data: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        let dims = if values_field == 4 {
            bytes(1, &[32, 32])
        } else {
            [number(1, 32), number(1, 32)].concat()
        };
        let parts = [
            dims,
            number(2, 1),
            bytes(values_field, &data),
            bytes(8, name.as_bytes()),
        ];
        bytes(5, &parts.concat())
    }

    #[test]
    fn large_weights_are_found_in_both_forms_unless_they_are_inputs() {
        let values: Vec<f32> = (0..1_024_u16).map(f32::from).collect();
        let parts = [
            tensor("raw", 9, &values),
            tensor("floats", 4, &values),
            tensor("short", 9, &values[1..]),
            tensor("given", 9, &values),
            bytes(11, &bytes(1, b"given")),
        ];
        let model = [number(1, 8), bytes(7, &parts.concat())].concat();
        let expected = ["raw", "floats"].map(|name| Weight {
            name: name.to_owned(),
            dims: vec![32, 32],
            values: values.clone(),
        });
        assert_eq!(large_weights(&model), expected);
    }

    #[test]
    fn the_seed_models_large_weights_are_its_products() {
        let sizes: Vec<usize> = large_weights(SEED)
            .iter()
            .map(|weight| weight.values.len())
            .collect();
        for size in [4 * 123 * 123, 123 * 64, 64 * 32] {
            assert!(sizes.contains(&size), "{size} is not among {sizes:?}");
        }
    }

    #[test]
    fn a_graph_that_ends_early_has_no_weights() {
        // `opset_import` alone lies behind the graph.
        let len = SEED.len() - 6;
        assert!(!large_weights(&SEED[..len]).is_empty());
        for end in (0..len).step_by(997).chain([len - 1]) {
            assert_eq!(large_weights(&SEED[..end]), []);
        }
    }

    #[test]
    fn a_shape_beyond_all_numbers_is_none() {
        // 2^54 + 1 by 1024: their product in 64 bits is 1024.
        let dims = [0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20, 0x80, 0x08];
        let parts = [
            bytes(1, &dims),
            number(2, 1),
            bytes(9, &[0; 4 * 1_024]),
            bytes(8, b"vast"),
        ];
        let model = bytes(7, &bytes(5, &parts.concat()));
        assert_eq!(large_weights(&model), []);
    }

    #[test]
    #[ignore = "needs ORT_DYLIB_PATH"]
    fn sessions_run_on_the_shared_weights() {
        let runtime = library::runtime(None).unwrap();
        let posteriors = |weights: &[Weight]| {
            let builder = Session::builder(&runtime.environment).unwrap();
            let shared = SharedWeights::share(weights.to_vec()).unwrap();
            let mut builder = shared.give(builder).unwrap();
            let mut session = builder.commit_from_memory(SEED).unwrap();
            let features = Tensor::from_array(([1, 40, 1], vec![0.5_f32; 40])).unwrap();
            let results = session.run(ort::inputs!["features" => features]).unwrap();
            let (_, values) = results["posteriors"].try_extract_tensor::<f32>().unwrap();
            values.to_vec()
        };
        let weights = large_weights(SEED);
        let own = posteriors(&[]);
        assert_eq!(posteriors(&weights), own);
        for at in 0..weights.len() {
            let mut changed = weights.clone();
            changed[at]
                .values
                .iter_mut()
                .for_each(|value| *value *= -2.0);
            assert_ne!(posteriors(&changed), own, "{}", weights[at].name);
        }
    }
}
