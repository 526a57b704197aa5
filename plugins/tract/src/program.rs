//! A graph, compiled for every number of rows.

use std::{
    ffi::CString,
    io::Read,
    sync::{Arc, LazyLock},
};

use tract_onnx::{Onnx, pb::ModelProto, prelude::*};

use crate::{
    error::Error,
    graph::{self, Checked},
    sequence_lens,
};

/// What the bits of outputs depend on. tract chooses its kernels by the
/// instructions that the processor has, which it says itself.
pub(crate) static NUMERICS: LazyLock<CString> = LazyLock::new(|| {
    let instructions = tract_linalg::isa::native();
    CString::new(format!("tract 0.23.9, {instructions:?}"))
        .expect("names of instruction sets hold no zero bytes")
});

/// The numbers of rows that a call may hold.
const BUCKETS: [usize; 7] = [1, 2, 4, 8, 16, 32, ser_plugin_abi::MAX_ROWS];

/// The shape of a row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) steps: usize,
    pub(crate) width: usize,
    pub(crate) state: usize,
    pub(crate) classes: usize,
}

/// The rows of a call.
pub(crate) struct Inputs<'a> {
    pub(crate) rows: usize,
    pub(crate) features: &'a [f32],
    pub(crate) state: &'a [f32],
    pub(crate) valid_steps: &'a [i32],
}

/// Where a call writes.
pub(crate) struct Outputs<'a> {
    pub(crate) posteriors: &'a mut [f32],
    pub(crate) next_state: &'a mut [f32],
}

/// A compiled graph. Instances share it.
pub(crate) struct Program {
    shape: Shape,
    /// In the order of [`BUCKETS`].
    plans: Vec<Arc<TypedSimplePlan>>,
}

impl Program {
    /// Compiles the graph that `bytes` hold.
    pub(crate) fn load(mut bytes: &[u8], shape: Shape) -> Result<Self, Error> {
        let onnx = tract_onnx::onnx();
        let proto = onnx
            .proto_model_for_read(&mut bytes as &mut dyn Read)
            .map_err(|error| Error::Package(format!("no ONNX model: {error:#}")))?;
        let checked = graph::check(&onnx, proto, shape)?;
        let compile = |rows: &usize| compile(&onnx, &checked, *rows);
        let plans = BUCKETS.iter().map(compile).collect::<Result<_, _>>()?;
        Ok(Self { shape, plans })
    }

    pub(crate) fn shape(&self) -> Shape {
        self.shape
    }

    /// Computes all rows.
    pub(crate) fn infer(
        &self,
        inputs: &Inputs<'_>,
        outputs: &mut Outputs<'_>,
    ) -> Result<(), Error> {
        let rows = inputs.rows;
        let plan = BUCKETS.iter().position(|bucket| *bucket == rows);
        let plan = plan
            .and_then(|at| self.plans.get(at))
            .ok_or_else(|| Error::Call(format!("{rows} rows; expected one of {BUCKETS:?}")))?;
        run(plan, self.shape, inputs, outputs).map_err(|error| Error::Infer(format!("{error:#}")))
    }
}

fn compile(onnx: &Onnx, checked: &Checked, rows: usize) -> Result<Arc<TypedSimplePlan>, Error> {
    let mut proto: ModelProto = checked.model.clone();
    if let Some(graph) = &mut proto.graph {
        graph::fix_rows(graph, rows);
        sequence_lens::rewrite(graph, rows)?;
    }
    let plan = || {
        let mut model = onnx.model_for_proto_model(&proto)?;
        model.set_input_names(&checked.inputs)?;
        model.select_outputs_by_name(&checked.outputs)?;
        model.into_optimized()?.into_runnable()
    };
    // The number of rows is no part of the package: say it where it matters.
    plan().map_err(|error| Error::Unsupported(format!("with {rows} rows: {error:#}")))
}

fn run(
    plan: &Arc<TypedSimplePlan>,
    shape: Shape,
    inputs: &Inputs<'_>,
    outputs: &mut Outputs<'_>,
) -> TractResult<()> {
    let rows = inputs.rows;
    let features = Tensor::from_shape(&[rows, shape.steps, shape.width], inputs.features)?;
    let mut values = tvec![features.into_tvalue()];
    if shape.state > 0 {
        let state = Tensor::from_shape(&[rows, shape.state], inputs.state)?;
        let valid_steps = Tensor::from_shape(&[rows], inputs.valid_steps)?;
        values.push(state.into_tvalue());
        values.push(valid_steps.into_tvalue());
    }
    let results = plan.run(values)?;
    copy(&results[0], outputs.posteriors)?;
    if let Some(next_state) = results.get(1) {
        copy(next_state, outputs.next_state)?;
    }
    Ok(())
}

fn copy(result: &Tensor, output: &mut [f32]) -> TractResult<()> {
    let view = result.try_as_plain_ram()?;
    let values = view.as_slice::<f32>()?;
    if values.len() != output.len() {
        let (found, expected) = (values.len(), output.len());
        return Err(TractError::msg(format!(
            "an output has {found} values; expected {expected}"
        )));
    }
    output.copy_from_slice(values);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::NUMERICS;

    #[test]
    fn the_version_of_tract_is_the_one_that_is_linked() {
        let lock = include_str!("../../../Cargo.lock");
        let (_, package) = lock
            .split_once("name = \"tract-core\"\nversion = \"")
            .unwrap();
        let (version, _) = package.split_once('"').unwrap();
        let numerics = NUMERICS.to_str().unwrap();
        assert!(
            numerics.starts_with(&format!("tract {version}, ")),
            "{numerics}"
        );
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn the_instructions_of_the_processor_are_named() {
        let numerics = NUMERICS.to_str().unwrap();
        let (_, instructions) = numerics.split_once(", ").unwrap();
        let named = |name| instructions.split(',').any(|one| one == name);
        assert!(named("x86_64"), "{numerics}");
        assert_eq!(named("fma"), is_x86_feature_detected!("fma"), "{numerics}");
        assert_eq!(
            named("avx512f"),
            is_x86_feature_detected!("avx512f"),
            "{numerics}"
        );
    }
}
