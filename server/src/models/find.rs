//! Which packages there are, and what the configuration says of each.

use std::{collections::BTreeSet, fs};

use ser_backend::ModelPackage;
use toml::Table;

use super::{BackendRegistry, directory, selector::Selector};
use crate::{
    Error,
    config::{ModelsConfig, PackageConfig, suggest},
};

/// A package that was found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) name: String,
    /// Empty where the folder of all versions is refused.
    pub(super) version: String,
    pub(super) kind: Kind,
    /// Where it lies, and where it runs.
    pub(super) options: PackageConfig,
    /// Why it can't be served, if that is known without loading it.
    pub(super) problem: Option<Error>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The one at this place of `models.packages`.
    Configured(usize),
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

    /// The key that names its backend, and the name.
    pub(super) fn backend<'a>(&'a self, models: &'a ModelsConfig) -> (String, &'a str) {
        match (self.kind, &self.options.backend) {
            (Kind::Configured(at), Some(own)) => (format!("models.packages[{at}].backend"), own),
            _ => ("models.backend".to_owned(), &models.backend),
        }
    }

    /// Whether the server starts without it where another version of its name
    /// serves: a version that the admin service refused must not keep the next
    /// process from starting.
    pub(super) fn is_expendable(&self, models: &ModelsConfig) -> bool {
        self.kind == Kind::InDirectory
            && models.default.as_ref() != Some(&self.id())
            && !matches!(self.problem, Some(Error::Config(_)))
    }
}

/// Every package of `models`, if all that can be known without loading them is as
/// it must be at the start.
///
/// # Errors
///
/// [`Error::Config`] of a setting that can't be; why a package that isn't
/// expendable can't be served.
pub(super) fn find_valid(
    models: &ModelsConfig,
    backends: &BackendRegistry,
) -> Result<Vec<Found>, Error> {
    let (found, errors) = examine(models, backends);
    Error::unless_none(errors).map(|()| found)
}

/// Every package of `models` that may be fit to be served, and everything that is
/// wrong at the start and can be known without loading them.
pub(super) fn examine(
    models: &ModelsConfig,
    backends: &BackendRegistry,
) -> (Vec<Found>, Vec<Error>) {
    let mut errors = Vec::new();
    for backend in models.settings.keys() {
        let known = backends.get(&format!("models.settings.{backend}"), backend);
        errors.extend(known.err());
    }
    let found = check_directory(models).and_then(|()| find(models));
    let found = match found {
        Ok(found) => found,
        Err(error) => {
            errors.push(error);
            return (Vec::new(), errors);
        }
    };
    if found.is_empty() {
        let expected = "models.packages, models.directory or the embedded model";
        let reason = format!("nothing to serve; expected {expected}");
        errors.push(Error::config("models", reason));
    } else if let Some(default) = &models.default {
        let is_default = |selector: Selector<'_>| {
            let mut found = found.iter();
            found.any(|found| selector.matches(&found.name, &found.version))
        };
        if !Selector::parse("models.default", default).is_ok_and(is_default) {
            let ids: Vec<_> = found.iter().map(Found::id).collect();
            let near = suggest::word(default, &ids);
            let expected = format!("expected one of {}{near}", ids.join(", "));
            let reason = format!("{default:?} is not served; {expected}");
            errors.push(Error::config("models.default", reason));
        }
    }
    let mut fit = Vec::new();
    let mut unknown = BTreeSet::new();
    for mut one in found {
        let (key, backend) = one.backend(models);
        match (backends.get(&key, backend), one.problem.take()) {
            (_, Some(problem)) if !one.is_expendable(models) => errors.push(problem),
            // Said once of the backend that all packages have in common.
            (Err(error), _) => errors.extend(unknown.insert(key).then_some(error)),
            (Ok(_), problem) => fit.push(Found { problem, ..one }),
        }
    }
    (fit, errors)
}

/// Every package that there is now: those of the configuration, then those in the
/// directory by name, the newest version of each first, then the embedded one,
/// unless another has its name and version.
///
/// # Errors
///
/// [`Error::Io`] when the directory can't be read.
pub(super) fn find(models: &ModelsConfig) -> Result<Vec<Found>, Error> {
    let configured = models.packages.iter().enumerate();
    let mut found: Vec<_> = configured
        .map(|(at, one)| self::configured(at, one))
        .collect();
    if let Some(directory) = &models.directory {
        let named: Vec<_> = models
            .packages
            .iter()
            .filter_map(|package| package.path.canonicalize().ok())
            .collect();
        for place in directory::packages(directory)? {
            // It runs where the configuration puts it.
            if place
                .path
                .canonicalize()
                .is_ok_and(|path| named.contains(&path))
            {
                continue;
            }
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
            one.problem = Some(Error::config(
                "models",
                format!(
                    "{} twice, in {} and {}; expected it once",
                    one.id(),
                    other.origin(),
                    one.origin()
                ),
            ));
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

/// There is a directory, and a package in it unless other places have some.
fn check_directory(models: &ModelsConfig) -> Result<(), Error> {
    let Some(directory) = &models.directory else {
        return Ok(());
    };
    let path = directory.display();
    fs::read_dir(directory).map_err(|error| {
        let reason = format!("{path}: {error}; expected a directory of packages");
        Error::config("models.directory", reason)
    })?;
    let is_all =
        models.packages.is_empty() && !(cfg!(feature = "embedded-model") && models.embedded);
    if is_all && directory::packages(directory)?.is_empty() {
        let reason = format!("{path}: no packages; expected <name>/<version>/model.toml");
        return Err(Error::config("models.directory", reason));
    }
    Ok(())
}

/// What there is to say of a directory in which there is no package yet.
pub(super) fn empty_directory(models: &ModelsConfig) -> Option<String> {
    let directory = models.directory.as_ref()?;
    let found = directory::packages(directory).ok()?;
    let path = directory.display();
    found.is_empty().then(|| {
        format!("models.directory: {path}: no packages yet; expected <name>/<version>/model.toml")
    })
}

/// A package that the configuration names, as it calls itself; as its folders are
/// called if it can't be read.
fn configured(at: usize, package: &PackageConfig) -> Found {
    let text = ModelPackage::manifest_text(&package.path);
    let problem = text.as_ref().err().map(|error| {
        Error::config(
            format!("models.packages[{at}].path"),
            format!("{error}; expected a package"),
        )
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
        kind: Kind::Configured(at),
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
