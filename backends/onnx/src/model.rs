//! A loaded model.

use std::sync::Arc;

use ort::{
    session::{HasSelectedOutputs, OutputSelector, RunOptions, Session, SessionInputValue},
    value::{Tensor, TensorRef},
};
use ser_backend::{BackendError, Batch, Inputs, Model, ModelInfo, Outputs, RowShape};

use crate::{backend::unavailable, session::Blueprint};

/// A session of its own, made from what all instances share.
pub(crate) struct OnnxModel {
    info: ModelInfo,
    blueprint: Arc<Blueprint>,
    session: Session,
    buckets: Vec<Bucket>,
    staged: Staged,
}

/// A number of rows that the graph is run with, and where its outputs go.
struct Bucket {
    rows: usize,
    options: RunOptions<HasSelectedOutputs>,
}

/// Inputs in the library's types, with room for the largest bucket.
struct Staged {
    features: Vec<f32>,
    state: Vec<f32>,
    valid_steps: Vec<i32>,
}

impl OnnxModel {
    /// Runs every bucket once: providers prepare themselves for a shape at its first
    /// call.
    pub(crate) fn new(
        info: ModelInfo,
        blueprint: Arc<Blueprint>,
        session: Session,
    ) -> Result<Self, BackendError> {
        let shape = info.shape;
        let buckets: Result<Vec<_>, _> = blueprint
            .buckets
            .iter()
            .map(|rows| Bucket::new(*rows, shape))
            .collect();
        let most = blueprint.buckets.last().copied().unwrap_or(0);
        let staged = Staged {
            features: vec![0.0; most * shape.features()],
            state: vec![0.0; most * shape.state],
            valid_steps: vec![1; most],
        };
        let mut model = Self {
            info,
            blueprint,
            session,
            buckets: buckets.map_err(failed)?,
            staged,
        };
        for bucket in &model.buckets {
            let (mut posteriors, mut next_state) = (Vec::new(), Vec::new());
            posteriors.resize(bucket.rows * shape.classes, 0.0);
            next_state.resize(bucket.rows * shape.state, 0.0);
            let outputs = Outputs {
                posteriors: &mut posteriors,
                next_state: &mut next_state,
            };
            let inputs = model.staged.inputs(bucket.rows, shape);
            bucket.run(&mut model.session, shape, &inputs, outputs)?;
        }
        Ok(model)
    }

    /// What was found out after the model was made.
    pub(crate) fn set_batch_invariant(&mut self, batch_invariant: bool) {
        self.info.batch_invariant = batch_invariant;
    }

    fn run(&mut self, inputs: &Inputs<'_>, outputs: Outputs<'_>) -> Result<(), BackendError> {
        let shape = self.info.shape;
        let bucket = self
            .buckets
            .iter()
            .find(|bucket| bucket.rows >= inputs.bucket)
            .expect("the largest bucket holds the largest batch: the settings are checked");
        self.staged.stage(inputs, bucket.rows, shape);
        let mut staged = self.staged.inputs(bucket.rows, shape);
        if bucket.rows == inputs.bucket {
            staged.features = inputs.features;
            staged.state = inputs.state;
        }
        bucket.run(&mut self.session, shape, &staged, outputs)
    }
}

/// What a session is fed with.
struct Feed<'a> {
    features: &'a [f32],
    state: &'a [f32],
    valid_steps: &'a [i32],
}

impl Staged {
    /// Converts what the library wants in other types, and copies what goes into a
    /// larger bucket.
    fn stage(&mut self, inputs: &Inputs<'_>, rows: usize, shape: RowShape) {
        for (to, from) in self.valid_steps.iter_mut().zip(inputs.valid_steps) {
            // Rows that only fill the bucket have none, which not every provider
            // takes.
            *to = i32::try_from((*from).max(1)).expect("a row has few steps");
        }
        self.valid_steps[inputs.bucket..rows].fill(1);
        if rows > inputs.bucket {
            fill(
                &mut self.features[..rows * shape.features()],
                inputs.features,
            );
            fill(&mut self.state[..rows * shape.state], inputs.state);
        }
    }

    fn inputs(&self, rows: usize, shape: RowShape) -> Feed<'_> {
        Feed {
            features: &self.features[..rows * shape.features()],
            state: &self.state[..rows * shape.state],
            valid_steps: &self.valid_steps[..rows],
        }
    }
}

/// Copies, with zeros behind.
fn fill(to: &mut [f32], from: &[f32]) {
    let (head, tail) = to.split_at_mut(from.len());
    head.copy_from_slice(from);
    tail.fill(0.0);
}

impl Bucket {
    fn new(rows: usize, shape: RowShape) -> Result<Self, ort::Error> {
        let zeros =
            |values: usize| Tensor::from_array(([rows, values], vec![0.0_f32; rows * values]));
        let mut outputs = OutputSelector::no_default()
            .with("posteriors")
            .preallocate("posteriors", zeros(shape.classes)?);
        if shape.state > 0 {
            outputs = outputs
                .with("next_state")
                .preallocate("next_state", zeros(shape.state)?);
        }
        Ok(Self {
            rows,
            options: RunOptions::new()?.with_outputs(outputs),
        })
    }

    fn run(
        &self,
        session: &mut Session,
        shape: RowShape,
        feed: &Feed<'_>,
        outputs: Outputs<'_>,
    ) -> Result<(), BackendError> {
        self.call(session, shape, feed, outputs).map_err(failed)
    }

    fn call(
        &self,
        session: &mut Session,
        shape: RowShape,
        feed: &Feed<'_>,
        outputs: Outputs<'_>,
    ) -> Result<(), ort::Error> {
        let rows = self.rows;
        let features = ([rows, shape.steps, shape.width], feed.features);
        let mut inputs: Vec<(&str, SessionInputValue<'_>)> =
            vec![("features", TensorRef::from_array_view(features)?.into())];
        if shape.state > 0 {
            let state = TensorRef::from_array_view(([rows, shape.state], feed.state))?;
            let valid_steps = TensorRef::from_array_view(([rows], feed.valid_steps))?;
            inputs.push(("state", state.into()));
            inputs.push(("valid_steps", valid_steps.into()));
        }
        let results = session.run_with_options(inputs, &self.options)?;
        let copy = |name: &str, to: &mut [f32]| {
            let (_, values) = results[name].try_extract_tensor::<f32>()?;
            to.copy_from_slice(&values[..to.len()]);
            Ok::<(), ort::Error>(())
        };
        copy("posteriors", outputs.posteriors)?;
        if shape.state > 0 {
            copy("next_state", outputs.next_state)?;
        }
        Ok(())
    }
}

fn failed(error: ort::Error) -> BackendError {
    BackendError::Inference(error.message().to_owned())
}

impl Model for OnnxModel {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn infer(&mut self, batch: &mut Batch) -> Result<(), BackendError> {
        batch.expect_shape(self.info.shape)?;
        match batch.split() {
            Some((inputs, outputs)) => self.run(&inputs, outputs),
            None => Ok(()),
        }
    }

    fn instance(&self) -> Result<Box<dyn Model>, BackendError> {
        let session = self
            .blueprint
            .open()
            .map_err(|error| unavailable(format!("no further session: {}", error.message())))?;
        let blueprint = Arc::clone(&self.blueprint);
        Ok(Box::new(Self::new(self.info.clone(), blueprint, session)?))
    }
}
