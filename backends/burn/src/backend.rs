//! The backend: from a package to a model.

use std::sync::Arc;

use burn::tensor::Device;
use ser_backend::{
    Backend, BackendError, DeviceOptions, Model, ModelInfo, ModelPackage, PackageError, golden,
};
use ser_graph::Graph;
use serde::Deserialize;

use crate::{
    model::{BurnModel, Signature},
    numerics,
    program::Program,
};

/// The name of the backend.
const NAME: &str = "burn";

/// The only execution provider.
const CPU: &str = "cpu";

/// There is nothing to set.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoSettings {}

/// Runs LSTM classifiers on the CPU.
#[derive(Clone, Copy, Debug, Default)]
pub struct BurnBackend;

impl BurnBackend {
    /// The backend; it has no settings.
    #[must_use]
    pub fn new() -> Self {
        Self
    }
}

impl Backend for BurnBackend {
    fn name(&self) -> &str {
        NAME
    }

    fn probe(&self) -> Result<(), BackendError> {
        Ok(())
    }

    fn load(
        &self,
        package: &ModelPackage,
        options: &DeviceOptions,
    ) -> Result<Box<dyn Model>, BackendError> {
        if options.execution_providers != [CPU] {
            return Err(BackendError::Unavailable {
                backend: NAME.to_owned(),
                reason: format!(
                    "it has no execution providers {:?}; expected {:?}",
                    options.execution_providers,
                    [CPU]
                ),
            });
        }
        let NoSettings {} = options.settings(NAME)?;
        let graph = Graph::read(&package.graph).map_err(|error| BackendError::Unsupported {
            backend: NAME.to_owned(),
            file: package.graph_file(),
            reason: error.to_string(),
        })?;
        let shape = package.manifest.row_shape();
        let signature = Signature::new(&graph, shape).map_err(|reason| PackageError::Invalid {
            file: package.graph_file(),
            reason,
        })?;
        let program = Program::new(&graph, &Device::flex());
        let info = ModelInfo {
            backend: NAME.to_owned(),
            execution_provider: CPU.to_owned(),
            numerics: numerics::describe(),
            shape,
            batch_invariant: true,
        };
        let mut model = BurnModel::new(info, signature, Arc::new(program));
        golden::replay(&mut model, package)?;
        Ok(Box::new(model))
    }
}
