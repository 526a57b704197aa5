//! How a package becomes a served model.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use ser_backend::{BackendError, DeviceOptions, ModelPackage};
use toml::{Table, Value};
use tracing::{error, warn};

use super::{
    BackendRegistry, ServedModel,
    find::{self, Found, Kind},
};
use crate::{
    Error,
    config::{BatcherConfig, Config, ModelsConfig, PackageConfig},
    telemetry::Metrics,
};

/// Finds packages and loads them, as the configuration says.
#[derive(Debug)]
pub(super) struct Loader {
    models: ModelsConfig,
    batcher: BatcherConfig,
    backends: BackendRegistry,
    metrics: Arc<Metrics>,
}

/// What there is at the start.
#[derive(Debug)]
pub(super) struct Loaded {
    /// In the order of [`Loader::find`].
    pub(super) models: Vec<Arc<ServedModel>>,
    /// Why the others can't be served, by `name/version`.
    pub(super) refusals: BTreeMap<String, String>,
}

impl Loader {
    pub(super) fn new(config: Config, backends: BackendRegistry, metrics: Arc<Metrics>) -> Self {
        Self {
            models: config.models,
            batcher: config.batcher,
            backends,
            metrics,
        }
    }

    /// Loads, checks and starts every package.
    ///
    /// # Errors
    ///
    /// When there is none, or one of them can't be served, unless it is a version
    /// in the directory, isn't the default, and another version of its name serves.
    pub(super) fn load_all(&self) -> Result<Loaded, Error> {
        let mut models: Vec<Arc<ServedModel>> = Vec::new();
        let mut refused = Vec::new();
        if let Some(warning) = find::empty_directory(&self.models) {
            warn!("{warning}");
        }
        for found in find::find_valid(&self.models, &self.backends)? {
            let (name, id) = (found.name.clone(), found.id());
            let expendable = found.is_expendable(&self.models);
            match self.load(found) {
                Ok(model) => models.push(model),
                Err(problem) if expendable => refused.push((name, id, problem)),
                Err(problem) => return Err(problem),
            }
        }
        let mut refusals = BTreeMap::new();
        for (name, id, problem) in refused {
            let Some(other) = models.iter().find(|model| model.manifest().name == name) else {
                return Err(problem);
            };
            error!(
                model = id,
                "refused model {id}, {} serves: {problem}",
                other.id()
            );
            refusals.insert(id, problem.to_string());
        }
        Ok(Loaded { models, refusals })
    }

    /// Every package that there is now.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the directory can't be read.
    pub(super) fn find(&self) -> Result<Vec<Found>, Error> {
        find::find(&self.models)
    }

    /// Loads, checks and starts a package. Takes as long as that takes: not for an
    /// async worker.
    ///
    /// # Errors
    ///
    /// Why it can't be served.
    pub(super) fn load(&self, found: Found) -> Result<Arc<ServedModel>, Error> {
        let (key, backend) = found.backend(&self.models);
        let backend = self.backends.get(&key, backend)?;
        let device = device(backend.name(), &found.options, &self.models);
        let instances = found.options.instances.or(self.models.instances);
        let package = self.read(found)?;
        let (batcher, metrics) = (&self.batcher, &self.metrics);
        ServedModel::start(&package, backend, &device, instances, batcher, metrics).map(Arc::new)
    }

    /// Reads and checks a package.
    ///
    /// # Errors
    ///
    /// Why it can't be served.
    pub(super) fn read(&self, found: Found) -> Result<ModelPackage, Error> {
        let id = found.id();
        if let Some(problem) = found.problem {
            return Err(problem);
        }
        let package = match found.kind {
            Kind::Configured(_) | Kind::InDirectory => ModelPackage::read(&found.options.path),
            #[cfg(feature = "embedded-model")]
            Kind::Embedded => super::embedded::package(),
        }
        .map_err(BackendError::from)?;
        // The folders may be links to others, of another name.
        if package.manifest.id() != id {
            return Err(Error::Repository {
                path: Path::new(&package.origin).join("model.toml"),
                reason: format!(
                    "{}; expected {id}, as its folders say",
                    package.manifest.id()
                ),
            });
        }
        Ok(package)
    }
}

/// Where a package runs: as its own options say, and for the rest as all do.
fn device(backend: &str, own: &PackageConfig, defaults: &ModelsConfig) -> DeviceOptions {
    let execution_providers = own.execution_providers.as_ref();
    let mut settings = defaults.settings.get(backend).cloned().unwrap_or_default();
    lay_over(&mut settings, &own.settings);
    DeviceOptions {
        execution_providers: execution_providers
            .unwrap_or(&defaults.execution_providers)
            .clone(),
        settings,
    }
}

/// Puts the values of `over` in place of those of `table`, key by key at every
/// depth.
fn lay_over(table: &mut Table, over: &Table) {
    for (key, value) in over {
        match (table.get_mut(key), value) {
            (Some(Value::Table(table)), Value::Table(over)) => lay_over(table, over),
            _ => {
                table.insert(key.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table {
        text.parse().unwrap()
    }

    #[test]
    fn a_packages_own_settings_replace_single_values() {
        let mut settings = table("threads = 2\n[tensorrt]\ncache = '/cache'\nallow_fp16 = false");
        lay_over(&mut settings, &table("[tensorrt]\nallow_fp16 = true"));
        let expected = "threads = 2\n[tensorrt]\ncache = '/cache'\nallow_fp16 = true";
        assert_eq!(settings, table(expected));
        lay_over(&mut settings, &table("tensorrt = 1"));
        assert_eq!(settings, table("threads = 2\ntensorrt = 1"));
    }
}
