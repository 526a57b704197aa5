//! The tensors of a model, for the protocol's two ways to ask for them.

use ser_backend::MAX_ROWS;
use ser_proto::inference::{
    DataType, ModelConfig, ModelDynamicBatching, ModelInput, ModelInstanceGroup,
    ModelMetadataResponse, ModelOutput, ModelTransactionPolicy, model_instance_group::Kind,
    model_metadata_response::TensorMetadata,
};

use super::{
    target::{Form, Target},
    tensors::size,
};
use crate::models::ModelRegistry;

/// A size that requests choose.
const ANY: i64 = -1;

/// A tensor, but for its rows.
#[derive(Clone, Debug)]
struct Spec {
    name: &'static str,
    datatype: DataType,
    dims: Vec<i64>,
    optional: bool,
}

impl Spec {
    fn new<const N: usize>(name: &'static str, datatype: DataType, dims: [i64; N]) -> Self {
        Self {
            name,
            datatype,
            dims: dims.into(),
            optional: false,
        }
    }

    fn optional(self) -> Self {
        Self {
            optional: true,
            ..self
        }
    }

    fn metadata(self) -> TensorMetadata {
        let datatype = match self.datatype {
            DataType::TypeFp32 => "FP32",
            DataType::TypeInt32 => "INT32",
            _ => "BYTES",
        };
        TensorMetadata {
            name: self.name.to_owned(),
            datatype: datatype.to_owned(),
            shape: [ANY].into_iter().chain(self.dims).collect(),
        }
    }
}

impl Target {
    fn inputs(&self) -> Vec<Spec> {
        let shape = self.model.info().shape;
        match self.form {
            Form::Audio => vec![Spec::new("audio", DataType::TypeFp32, [ANY])],
            Form::Features => {
                let dims = [size(shape.steps), size(shape.width)];
                let features = Spec::new("features", DataType::TypeFp32, dims);
                if shape.state == 0 {
                    return vec![features];
                }
                let state = Spec::new("state", DataType::TypeFp32, [size(shape.state)]);
                let steps = Spec::new("valid_steps", DataType::TypeInt32, [1]);
                vec![features, state.optional(), steps.optional()]
            }
        }
    }

    fn outputs(&self) -> Vec<Spec> {
        let shape = self.model.info().shape;
        let posteriors = Spec::new("posteriors", DataType::TypeFp32, [size(shape.classes)]);
        match self.form {
            Form::Audio => vec![posteriors, Spec::new("label", DataType::TypeString, [1])],
            Form::Features if shape.state == 0 => vec![posteriors],
            Form::Features => {
                let state = Spec::new("next_state", DataType::TypeFp32, [size(shape.state)]);
                vec![posteriors, state]
            }
        }
    }

    pub(super) fn input_names(&self) -> Vec<&'static str> {
        self.inputs().iter().map(|spec| spec.name).collect()
    }

    pub(super) fn output_names(&self) -> Vec<&'static str> {
        self.outputs().iter().map(|spec| spec.name).collect()
    }

    fn platform(&self) -> String {
        let info = self.model.info();
        format!("{}_{}", info.backend, info.execution_provider)
    }
}

/// For `ModelMetadata`.
pub(super) fn model(target: &Target, registry: &ModelRegistry) -> ModelMetadataResponse {
    let name = &target.model.manifest().name;
    let versions = registry.list().into_iter().filter_map(|model| {
        let manifest = model.manifest();
        (manifest.name == *name).then(|| manifest.version.clone())
    });
    ModelMetadataResponse {
        name: target.name(),
        versions: versions.collect(),
        platform: target.platform(),
        inputs: target.inputs().into_iter().map(Spec::metadata).collect(),
        outputs: target.outputs().into_iter().map(Spec::metadata).collect(),
    }
}

/// For `ModelConfig`.
pub(super) fn config(target: &Target) -> ModelConfig {
    let info = target.model.info();
    let input = |spec: Spec| ModelInput {
        name: spec.name.to_owned(),
        data_type: spec.datatype.into(),
        dims: spec.dims,
        optional: spec.optional,
    };
    let output = |spec: Spec| ModelOutput {
        name: spec.name.to_owned(),
        data_type: spec.datatype.into(),
        dims: spec.dims,
    };
    let kind = match info.execution_provider.as_str() {
        "cpu" => Kind::Cpu,
        _ => Kind::Gpu,
    };
    let batcher = target.model.batcher();
    ModelConfig {
        name: target.name(),
        platform: target.platform(),
        backend: info.backend.clone(),
        max_batch_size: i32::try_from(MAX_ROWS).unwrap_or(i32::MAX),
        input: target.inputs().into_iter().map(input).collect(),
        output: target.outputs().into_iter().map(output).collect(),
        instance_group: vec![ModelInstanceGroup {
            name: target.model.id().to_owned(),
            count: i32::try_from(batcher.instances()).unwrap_or(i32::MAX),
            kind: kind.into(),
        }],
        dynamic_batching: Some(ModelDynamicBatching {
            preferred_batch_size: Vec::new(),
            max_queue_delay_microseconds: u64::try_from(batcher.max_wait().as_micros())
                .unwrap_or(u64::MAX),
        }),
        model_transaction_policy: Some(ModelTransactionPolicy { decoupled: false }),
    }
}
