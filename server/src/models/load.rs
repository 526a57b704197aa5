//! Which packages there are, and how each is loaded.

use std::{fs, path::Path, sync::Arc};

use ser_backend::{BackendError, DeviceOptions, ModelPackage};
use toml::Table;

use super::{BackendRegistry, ServedModel, directory, selector::Selector};
use crate::{
    Error,
    config::{BatcherConfig, Config, ModelsConfig, PackageConfig},
};

/// Finds packages and loads them, as the configuration says.
#[derive(Debug)]
pub(super) struct Loader {
    models: ModelsConfig,
    batcher: BatcherConfig,
    backends: BackendRegistry,
}

/// A package that was found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) name: String,
    /// Empty where the folder of all versions is refused.
    pub(super) version: String,
    kind: Kind,
    /// Where it lies, and where it runs.
    options: PackageConfig,
    /// Why it can't be served, if that is known without loading it.
    pub(super) problem: Option<Error>,
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Configured,
    InDirectory,
    #[cfg(feature = "embedded-model")]
    Embedded,
}

impl Found {
    /// `name/version`.
    pub(super) fn id(&self) -> String {
        format!("{}/{}", self.name, self.version)
    }

    /// Where it lies.
    pub(super) fn origin(&self) -> String {
        self.options.path.display().to_string()
    }
}

impl Loader {
    pub(super) fn new(config: Config, backends: BackendRegistry) -> Self {
        Self {
            models: config.models,
            batcher: config.batcher,
            backends,
        }
    }

    /// Loads, checks and starts every package, in the order of
    /// [`find`](Self::find).
    ///
    /// # Errors
    ///
    /// When there is none, or one of them can't be served.
    pub(super) fn load_all(&self) -> Result<Vec<Arc<ServedModel>>, Error> {
        let found = find_valid(&self.models, &self.backends)?;
        found.into_iter().map(|found| self.load(found)).collect()
    }

    /// Every package that there is now: those of the configuration, then those in
    /// the directory by name, the newest version of each first, then the embedded
    /// one, unless another has its name and version.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the directory can't be read.
    pub(super) fn find(&self) -> Result<Vec<Found>, Error> {
        find(&self.models)
    }

    /// Loads, checks and starts a package. Takes as long as that takes: not for an
    /// async worker.
    ///
    /// # Errors
    ///
    /// Why it can't be served.
    pub(super) fn load(&self, found: Found) -> Result<Arc<ServedModel>, Error> {
        let id = found.id();
        if let Some(problem) = found.problem {
            return Err(problem);
        }
        let package = match found.kind {
            Kind::Configured | Kind::InDirectory => ModelPackage::read(&found.options.path),
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
        self.start(&package, &found.options)
    }

    fn start(
        &self,
        package: &ModelPackage,
        options: &PackageConfig,
    ) -> Result<Arc<ServedModel>, Error> {
        let defaults = &self.models;
        let backend = options.backend.as_ref().unwrap_or(&defaults.backend);
        let execution_providers = options
            .execution_providers
            .as_ref()
            .unwrap_or(&defaults.execution_providers);
        let device = DeviceOptions {
            execution_providers: execution_providers.clone(),
            settings: settings(backend, &options.settings, defaults),
        };
        let instances = options.instances.or(defaults.instances);
        ServedModel::start(
            package,
            self.backends.get(backend)?,
            &device,
            instances,
            &self.batcher,
        )
        .map(Arc::new)
    }
}

/// Every package of `models`, if all that can be known without loading them is as
/// it must be at the start.
///
/// # Errors
///
/// [`Error::Config`] of a setting that can't be; why one of the packages can't be
/// served.
pub(super) fn find_valid(
    models: &ModelsConfig,
    backends: &BackendRegistry,
) -> Result<Vec<Found>, Error> {
    let wrong = |key: &str, reason: String| Error::Config {
        place: format!("configuration: {key}"),
        reason,
    };
    if let Some(directory) = &models.directory {
        fs::read_dir(directory).map_err(|error| {
            let path = directory.display();
            let reason = format!("{path}: {error}; expected a directory of packages");
            wrong("models.directory", reason)
        })?;
    }
    let mut found = find(models)?;
    if let Some(directory) = &models.directory
        && !found.iter().any(|found| found.kind == Kind::InDirectory)
    {
        let path = directory.display();
        let reason = format!("{path}: no packages; expected <name>/<version>/model.toml");
        return Err(wrong("models.directory", reason));
    }
    if found.is_empty() {
        let expected = "models.packages, models.directory or the embedded model";
        return Err(wrong(
            "models",
            format!("nothing to serve; expected {expected}"),
        ));
    }
    for found in &mut found {
        if let Some(problem) = found.problem.take() {
            return Err(problem);
        }
        backends.get(found.options.backend.as_ref().unwrap_or(&models.backend))?;
    }
    if let Some(default) = &models.default {
        let is_default = |selector: Selector<'_>| {
            let mut found = found.iter();
            found.any(|found| selector.matches(&found.name, &found.version))
        };
        if !Selector::parse("models.default", default).is_ok_and(is_default) {
            let ids: Vec<_> = found.iter().map(Found::id).collect();
            let expected = format!("expected one of {}", ids.join(", "));
            let reason = format!("{default:?} is not served; {expected}");
            return Err(wrong("models.default", reason));
        }
    }
    Ok(found)
}

fn find(models: &ModelsConfig) -> Result<Vec<Found>, Error> {
    let mut found: Vec<Found> = models.packages.iter().map(configured).collect();
    if let Some(directory) = &models.directory {
        for place in directory::packages(directory)? {
            found.push(Found {
                name: place.name,
                version: place.version,
                kind: Kind::InDirectory,
                options: PackageConfig::new(place.path),
                problem: place.problem,
            });
        }
    }
    for at in 1..found.len() {
        let (before, one) = found.split_at_mut(at);
        let one = &mut one[0];
        if let Some(other) = before.iter().find(|other| other.id() == one.id()) {
            one.problem = Some(Error::Config {
                place: "configuration: models".to_owned(),
                reason: format!(
                    "{} twice, in {} and {}; expected it once",
                    one.id(),
                    other.origin(),
                    one.origin()
                ),
            });
        }
    }
    #[cfg(feature = "embedded-model")]
    if models.embedded {
        let embedded = embedded();
        if !found.iter().any(|other| other.id() == embedded.id()) {
            found.push(embedded);
        }
    }
    Ok(found)
}

/// A package's own settings of its backend over those of all packages.
fn settings(backend: &str, own: &Table, defaults: &ModelsConfig) -> Table {
    let mut settings = defaults.settings.get(backend).cloned().unwrap_or_default();
    settings.extend(own.clone());
    settings
}

/// A package that the configuration names, as it calls itself; as its folders are
/// called if it can't be read.
fn configured(package: &PackageConfig) -> Found {
    let text = fs::read_to_string(package.path.join("model.toml"));
    let problem = text.as_ref().err().map(|error| Error::Config {
        place: "configuration: models.packages".to_owned(),
        reason: format!(
            "{}: no model.toml there ({error}); expected a package",
            package.path.display()
        ),
    });
    let manifest: Option<Table> = text.ok().and_then(|text| text.parse().ok());
    let part = |key: &str, up: usize| {
        let declared = manifest.as_ref().and_then(|table| table.get(key)?.as_str());
        let folder = || package.path.ancestors().nth(up)?.file_name()?.to_str();
        declared.or_else(folder).unwrap_or_default().to_owned()
    };
    Found {
        name: part("name", 1),
        version: part("version", 0),
        kind: Kind::Configured,
        options: package.clone(),
        problem,
    }
}

#[cfg(feature = "embedded-model")]
fn embedded() -> Found {
    Found {
        name: super::embedded::NAME.to_owned(),
        version: super::embedded::VERSION.to_owned(),
        kind: Kind::Embedded,
        options: PackageConfig::new(super::embedded::ORIGIN.into()),
        problem: None,
    }
}
