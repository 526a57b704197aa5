//! What the repository says of a version.

use std::{cmp::Ordering, collections::BTreeMap, sync::Arc};

use super::{ServedModel, find::Found, selector::compare_versions};

/// One version of one model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelStatus {
    /// As its folder is called.
    pub name: String,
    /// As its folder is called; empty where a folder of versions is refused.
    pub version: String,
    /// What becomes of new streams.
    pub state: ModelState,
    /// Why it was last refused, if it was.
    pub refusal: Option<String>,
    /// Streams and clips that run on it, replaced and unloaded ones included.
    pub open_streams: usize,
    /// Whether requests that name no model get it.
    pub is_default: bool,
    /// Where it lies.
    pub origin: String,
}

/// What becomes of new streams of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelState {
    /// They may have it.
    Serving,
    /// It was never loaded, or is unloaded.
    NotLoaded,
    /// It will serve if nothing is wrong with it.
    Loading,
    /// It can't be served.
    Refused,
    /// It was served and failed.
    Down,
}

/// What came of the versions that are not served.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    /// What is being loaded.
    pub(super) loading: Option<String>,
    /// Why what was last loaded in vain is refused, by `name/version`.
    pub(super) refusals: BTreeMap<String, String>,
}

impl ModelStatus {
    /// `name/version`.
    pub(crate) fn id(&self) -> String {
        format!("{}/{}", self.name, self.version)
    }

    pub(super) fn of_found(found: &Found, attempts: &Attempts) -> Self {
        let id = found.id();
        let refusal = match &found.problem {
            Some(problem) => Some(problem.to_string()),
            None => attempts.refusals.get(&id).cloned(),
        };
        let state = if attempts.loading.as_ref() == Some(&id) {
            ModelState::Loading
        } else if refusal.is_some() {
            ModelState::Refused
        } else {
            ModelState::NotLoaded
        };
        Self {
            name: found.name.clone(),
            version: found.version.clone(),
            state,
            refusal,
            open_streams: 0,
            is_default: false,
            origin: found.origin(),
        }
    }

    /// Of a model that isn't served any more, or not yet known to be.
    pub(super) fn of_loaded(model: &ServedModel) -> Self {
        let manifest = model.manifest();
        Self {
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            state: ModelState::NotLoaded,
            refusal: None,
            open_streams: 0,
            is_default: false,
            origin: model.origin().to_owned(),
        }
    }

    /// By name, the newest version first.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        (self.name.cmp(&other.name)).then_with(|| compare_versions(&other.version, &self.version))
    }
}

/// The row of a loaded model, made where there is none.
pub(super) fn row<'a>(
    rows: &'a mut Vec<ModelStatus>,
    model: &Arc<ServedModel>,
) -> &'a mut ModelStatus {
    let at = rows.iter().position(|row| row.id() == model.id());
    let at = at.unwrap_or_else(|| {
        rows.push(ModelStatus::of_loaded(model));
        rows.len() - 1
    });
    &mut rows[at]
}
