//! The backend: from a package to a model.

use std::sync::Arc;

use ser_backend::{
    Backend, BackendError, DeviceOptions, Model, ModelInfo, ModelPackage, PackageError,
    ProviderStatus, golden,
};
use ser_graph::Graph;
use toml::Table;

use crate::{
    model::{BurnModel, Signature},
    numerics,
    placement::Placement,
    program::Program,
};

/// The name of the backend.
pub(crate) const NAME: &str = "burn";

/// Runs LSTM classifiers on the CPU, or on an NVIDIA GPU in builds with the feature
/// `cuda`.
#[derive(Clone, Copy, Debug, Default)]
pub struct BurnBackend;

impl BurnBackend {
    /// The backend. Its settings come with each package that it loads.
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

    fn providers(&self, settings: &Table) -> Result<Vec<ProviderStatus>, BackendError> {
        Placement::statuses(settings)
    }

    fn load(
        &self,
        package: &ModelPackage,
        options: &DeviceOptions,
    ) -> Result<Box<dyn Model>, BackendError> {
        load_on(&Placement::new(options)?, package)
    }
}

/// Compiles a package's graph for a place, and replays its golden rows there.
pub(crate) fn load_on(
    placement: &Placement,
    package: &ModelPackage,
) -> Result<Box<dyn Model>, BackendError> {
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
    let program = Program::new(&graph, placement);
    let info = ModelInfo {
        backend: NAME.to_owned(),
        execution_provider: placement.provider.to_owned(),
        numerics: numerics::describe(placement),
        shape,
        batch_invariant: placement.batch_invariant(),
    };
    let mut model = BurnModel::new(info, signature, Arc::new(program));
    golden::replay(&mut model, package)?;
    Ok(Box::new(model))
}
