//! A loaded model.

use std::sync::Arc;

use burn::tensor::{Tensor, TensorData};
use ser_backend::{BackendError, Batch, Inputs, Model, ModelInfo, Outputs, RowShape};
use ser_graph::{Dim, Element, Graph, ValueId};
use ser_kernels::Scratch;

use crate::program::Program;

/// A compiled graph, which instances share, and an instance's working memory.
#[derive(Debug)]
pub(crate) struct BurnModel {
    info: ModelInfo,
    signature: Signature,
    program: Arc<Program>,
    scratch: Scratch,
}

/// The graph's inputs and outputs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signature {
    features: ValueId,
    posteriors: ValueId,
    /// `state` and `next_state` of a recurrent graph.
    states: Option<(ValueId, ValueId)>,
}

impl Signature {
    /// Finds inputs and outputs by their names and compares their shapes with
    /// those that the manifest says.
    pub(crate) fn new(graph: &Graph, shape: RowShape) -> Result<Self, String> {
        let fixed = Dim::Fixed;
        let steps_and_width = [Dim::Rows, fixed(shape.steps), fixed(shape.width)];
        let mut inputs = vec![("features", Element::F32, steps_and_width.to_vec())];
        let mut outputs = vec![("posteriors", vec![Dim::Rows, fixed(shape.classes)])];
        if shape.state > 0 {
            let state = vec![Dim::Rows, fixed(shape.state)];
            inputs.push(("state", Element::F32, state.clone()));
            inputs.push(("valid_steps", Element::I32, vec![Dim::Rows]));
            outputs.push(("next_state", state));
        }
        let expected: Vec<&str> = inputs.iter().map(|(name, ..)| *name).collect();
        if let Some(other) = graph
            .inputs()
            .iter()
            .map(|id| graph.value(*id).name.as_str())
            .find(|name| !expected.contains(name))
        {
            return Err(format!("input {other:?}: expected {}", expected.join(", ")));
        }
        let mut input_ids = Vec::new();
        for (name, element, dims) in &inputs {
            let id = graph.input(name);
            input_ids.push(find(graph, "input", name, id, *element, dims)?);
        }
        let mut output_ids = Vec::new();
        for (name, dims) in &outputs {
            let id = graph.output(name);
            output_ids.push(find(graph, "output", name, id, Element::F32, dims)?);
        }
        let states = input_ids.get(1).copied().zip(output_ids.get(1).copied());
        Ok(Self {
            features: input_ids[0],
            posteriors: output_ids[0],
            states,
        })
    }
}

fn find(
    graph: &Graph,
    what: &str,
    name: &str,
    id: Option<ValueId>,
    element: Element,
    dims: &[Dim],
) -> Result<ValueId, String> {
    let sizes: Vec<String> = dims.iter().map(Dim::to_string).collect();
    let expected = format!(
        "expected {element} [{}], as model.toml says",
        sizes.join(", ")
    );
    let id = id.ok_or_else(|| format!("{what} {name:?} is missing; {expected}"))?;
    let value = graph.value(id);
    if value.element == element && value.shape.dims() == dims {
        return Ok(id);
    }
    Err(format!(
        "{what} {name:?} is {} {}; {expected}",
        value.element, value.shape
    ))
}

impl BurnModel {
    pub(crate) fn new(info: ModelInfo, signature: Signature, program: Arc<Program>) -> Self {
        Self {
            info,
            signature,
            program,
            scratch: Scratch::new(),
        }
    }

    fn run(&mut self, inputs: &Inputs<'_>, outputs: &mut Outputs<'_>) -> Result<(), BackendError> {
        let rows = |values: &[f32]| {
            let shape = [1, inputs.bucket, values.len() / inputs.bucket];
            let data = TensorData::new(values.to_vec(), shape);
            Tensor::from_data(data, self.program.device())
        };
        let mut values = self.program.values(inputs.valid_steps);
        values.set(self.signature.features, rows(inputs.features));
        if let Some((state, _)) = self.signature.states {
            values.set(state, rows(inputs.state));
        }
        self.program.run(&mut values, &mut self.scratch);
        copy(values.take(self.signature.posteriors), outputs.posteriors)?;
        if let Some((_, next_state)) = self.signature.states {
            copy(values.take(next_state), outputs.next_state)?;
        }
        Ok(())
    }
}

fn copy(tensor: Tensor<3>, output: &mut [f32]) -> Result<(), BackendError> {
    let failed = |reason: String| BackendError::Inference(reason);
    let data = tensor
        .try_into_data()
        .map_err(|error| failed(error.to_string()))?;
    let values = data
        .as_slice::<f32>()
        .map_err(|error| failed(error.to_string()))?;
    output.copy_from_slice(values);
    Ok(())
}

impl Model for BurnModel {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn infer(&mut self, batch: &mut Batch) -> Result<(), BackendError> {
        batch.expect_shape(self.info.shape)?;
        match batch.split() {
            Some((inputs, mut outputs)) => self.run(&inputs, &mut outputs),
            None => Ok(()),
        }
    }

    fn instance(&self) -> Result<Box<dyn Model>, BackendError> {
        let program = Arc::clone(&self.program);
        Ok(Box::new(Self::new(
            self.info.clone(),
            self.signature,
            program,
        )))
    }
}
