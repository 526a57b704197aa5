//! The repository, as clients of this protocol see it.

use ser_proto::inference::{
    RepositoryIndexRequest, RepositoryModelLoadRequest, RepositoryModelUnloadRequest,
    repository_index_response::ModelIndex,
};

use super::tensors;
use crate::{
    Error,
    context::Context,
    models::{ModelState, ModelStatus},
};

/// # Errors
///
/// [`Error::Loading`], [`Error::Invalid`] and those of the repository's list.
pub(super) async fn index(
    context: &Context,
    request: RepositoryIndexRequest,
) -> Result<Vec<ModelIndex>, Error> {
    only_repository(&request.repository_name)?;
    let models = context.repository()?.list().await?;
    let entries = models.into_iter().map(entry);
    Ok(entries
        .filter(|entry| !request.ready || entry.state == "READY")
        .collect())
}

/// Loads the version that the request names, or the newest.
///
/// # Errors
///
/// [`Error::Invalid`] and those of the repository.
pub(super) async fn load(
    context: &Context,
    request: RepositoryModelLoadRequest,
) -> Result<(), Error> {
    only_repository(&request.repository_name)?;
    tensors::no_parameters("parameters", &request.parameters)?;
    let repository = context.repository()?;
    let name = &request.model_name;
    // By name, the newest version first.
    let models = repository.list().await?;
    let newest = models.iter().find(|model| model.name == *name);
    // What isn't found is refused by the repository, which knows what there is.
    let id = newest.map_or_else(|| name.clone(), ModelStatus::id);
    repository.load(&id).await.map(drop)
}

/// Takes the version that the request names, or all, from new requests.
///
/// # Errors
///
/// [`Error::Invalid`] and those of the repository.
pub(super) async fn unload(
    context: &Context,
    request: RepositoryModelUnloadRequest,
) -> Result<(), Error> {
    only_repository(&request.repository_name)?;
    tensors::only("unload_dependents", "parameters", &request.parameters)?;
    let repository = context.repository()?;
    let name = &request.model_name;
    let served: Vec<_> = context
        .models()?
        .list()
        .into_iter()
        .filter(|model| model.manifest().name == *name)
        .map(|model| model.id().to_owned())
        .collect();
    if served.is_empty() {
        return repository.unload(name).await.map(drop);
    }
    for id in served {
        repository.unload(&id).await?;
    }
    Ok(())
}

fn only_repository(name: &str) -> Result<(), Error> {
    if name.is_empty() {
        return Ok(());
    }
    let expected = "none, there is one repository";
    Err(Error::invalid(
        "repository_name",
        format!("{name:?}"),
        expected,
    ))
}

fn entry(status: ModelStatus) -> ModelIndex {
    let state = match status.state {
        ModelState::Serving => "READY",
        ModelState::Loading => "LOADING",
        ModelState::Refused | ModelState::Down => "UNAVAILABLE",
        ModelState::NotLoaded => "",
    };
    ModelIndex {
        name: status.name,
        version: status.version,
        state: state.to_owned(),
        reason: status.refusal.unwrap_or_default(),
    }
}
