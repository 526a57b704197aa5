//! Which packages are served, and where they run.

use std::{
    fs,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
};

use ser_backend::{DeviceOptions, ModelPackage};
use toml::Table;

use super::{BackendRegistry, ServedModel, selector::compare_versions};
use crate::{
    Error,
    config::{Config, ModelsConfig, PackageConfig},
};

/// A package with what the configuration says of it.
struct Found {
    package: ModelPackage,
    /// For messages.
    origin: String,
    backend: String,
    device: DeviceOptions,
    instances: Option<NonZeroUsize>,
}

/// Loads, checks and starts every package that `config` names, in the order in
/// which they are the default.
pub(super) fn models(
    config: &Config,
    backends: &BackendRegistry,
) -> Result<Vec<Arc<ServedModel>>, Error> {
    let found = packages(&config.models)?;
    if found.is_empty() {
        return Err(Error::Config {
            place: "configuration: models".to_owned(),
            reason: "nothing to serve; expected models.packages, models.directory or the \
                     embedded model"
                .to_owned(),
        });
    }
    found
        .iter()
        .map(|found| start(found, config, backends))
        .collect()
}

fn start(
    found: &Found,
    config: &Config,
    backends: &BackendRegistry,
) -> Result<Arc<ServedModel>, Error> {
    let instances = found.instances.unwrap_or_else(one_a_core);
    let backend = backends.get(&found.backend)?;
    ServedModel::start(
        &found.package,
        backend,
        &found.device,
        instances,
        &config.batcher,
    )
    .map(Arc::new)
}

/// Every package, the default first unless the configuration names another. A
/// package that the configuration names hides an embedded one of the same name
/// and version.
fn packages(config: &ModelsConfig) -> Result<Vec<Found>, Error> {
    let mut found = Vec::new();
    for package in &config.packages {
        found.push(read(package, config)?);
    }
    if let Some(directory) = &config.directory {
        for path in in_directory(directory)? {
            found.push(read(&PackageConfig::new(path), config)?);
        }
    }
    for (at, one) in found.iter().enumerate() {
        let id = one.package.manifest.id();
        if let Some(other) = found[..at]
            .iter()
            .find(|other| other.package.manifest.id() == id)
        {
            return Err(Error::Config {
                place: "configuration: models".to_owned(),
                reason: format!(
                    "{id} twice, in {} and {}; expected it once",
                    other.origin, one.origin
                ),
            });
        }
    }
    #[cfg(feature = "embedded-model")]
    if config.embedded {
        let package = super::embedded::package().map_err(ser_backend::BackendError::from)?;
        let id = package.manifest.id();
        if !found.iter().any(|other| other.package.manifest.id() == id) {
            found.push(Found {
                package,
                origin: "embedded".to_owned(),
                backend: config.backend.clone(),
                device: DeviceOptions {
                    execution_providers: config.execution_providers.clone(),
                    settings: settings(&config.backend, &Table::new(), config),
                },
                instances: config.instances,
            });
        }
    }
    Ok(found)
}

fn read(package: &PackageConfig, defaults: &ModelsConfig) -> Result<Found, Error> {
    let PackageConfig {
        path,
        backend,
        execution_providers,
        instances,
        settings: own_settings,
    } = package;
    let backend = backend.as_ref().unwrap_or(&defaults.backend);
    let execution_providers = execution_providers
        .as_ref()
        .unwrap_or(&defaults.execution_providers);
    Ok(Found {
        package: ModelPackage::read(path).map_err(ser_backend::BackendError::from)?,
        origin: path.display().to_string(),
        backend: backend.clone(),
        device: DeviceOptions {
            execution_providers: execution_providers.clone(),
            settings: settings(backend, own_settings, defaults),
        },
        instances: instances.or(defaults.instances),
    })
}

/// A package's own settings of its backend over those of all packages.
fn settings(backend: &str, own: &Table, defaults: &ModelsConfig) -> Table {
    let mut settings = defaults.settings.get(backend).cloned().unwrap_or_default();
    settings.extend(own.clone());
    settings
}

/// The packages `<name>/<version>/` in `directory`, by name, the newest version
/// of each first. What holds no `model.toml` is no package.
fn in_directory(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut packages = Vec::new();
    for name in subdirectories(directory)? {
        let mut versions = subdirectories(&directory.join(&name))?;
        versions.sort_by(|left, right| compare_versions(right, left));
        let paths = versions
            .into_iter()
            .map(|version| directory.join(&name).join(version));
        packages.extend(paths.filter(|path| path.join("model.toml").is_file()));
    }
    if packages.is_empty() {
        return Err(Error::NoPackages(directory.to_owned()));
    }
    Ok(packages)
}

/// The names of the directories in `directory`, sorted. A name that isn't UTF-8
/// can't be that of a package.
fn subdirectories(directory: &Path) -> Result<Vec<String>, Error> {
    let read = || -> std::io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            // Through links too: mounted volumes are full of them.
            if entry.path().is_dir()
                && let Ok(name) = entry.file_name().into_string()
            {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    };
    read().map_err(|source| Error::Io {
        what: directory.display().to_string(),
        source,
    })
}

fn one_a_core() -> NonZeroUsize {
    thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}
