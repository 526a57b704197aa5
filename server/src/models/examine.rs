//! Every package, looked at without serving any.

use ser_backend::ModelPackage;

use super::{
    BackendRegistry, ServedModel,
    find::{self, Found},
    load::Loader,
};
use crate::{Error, config::Config, telemetry};

/// What came of it.
#[derive(Debug, Default)]
pub struct Examination {
    /// One line for each model that would be served.
    pub served: Vec<String>,
    /// Why versions in the directory would be refused while another serves.
    pub refused: Vec<String>,
    /// What is no error, and yet may be a mistake.
    pub warnings: Vec<String>,
    /// What a start would end with.
    pub errors: Vec<Error>,
}

/// Looks at every package that `config` names. With `load` each is loaded on its
/// backend, where it has to reproduce its golden rows and audio; without, its files
/// are read and held against each other.
#[must_use]
pub fn examine(config: &Config, backends: BackendRegistry, load: bool) -> Examination {
    let (found, mut errors) = find::examine(&config.models, &backends);
    let loader = Loader::new(config.clone(), backends, telemetry::unread());
    let mut served: Vec<(String, String)> = Vec::new();
    let mut refused = Vec::new();
    for found in found {
        let (name, id) = (found.name.clone(), found.id());
        let expendable = found.is_expendable(&config.models);
        match line(&loader, found, load) {
            Ok(line) => served.push((name, line)),
            Err(problem) if expendable => refused.push((name, id, problem)),
            Err(problem) => errors.push(problem),
        }
    }
    let mut examination = Examination::default();
    for (name, id, problem) in refused {
        if served.iter().any(|(other, _)| *other == name) {
            examination.refused.push(format!("model {id}: {problem}"));
        } else {
            errors.push(problem);
        }
    }
    examination.served = served.into_iter().map(|(_, line)| line).collect();
    examination.warnings = find::empty_directory(&config.models).into_iter().collect();
    examination.errors = errors;
    examination
}

/// What there is to say of a package that is fit.
fn line(loader: &Loader, found: Found, load: bool) -> Result<String, Error> {
    let origin = found.origin();
    if load {
        let model = loader.load(found)?;
        let info = model.info();
        let (id, graph) = (model.id(), model.graph_sha256());
        return Ok(format!(
            "model {id} from {origin}, graph {graph}, on {} ({})",
            info.backend, info.execution_provider
        ));
    }
    let package: ModelPackage = loader.read(found)?;
    ServedModel::check(&package)?;
    let (id, graph) = (package.manifest.id(), package.graph_sha256);
    Ok(format!(
        "model {id} from {origin}, graph {graph}, not loaded"
    ))
}
