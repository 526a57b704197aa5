//! Every model that is served, by name.

use std::{ptr, sync::Arc};

use tokio::sync::watch;

use super::{ServedModel, selector::Selector};
use crate::Error;

/// Every model that is served. Models come and go while streams run: what a
/// stream has resolved stays with it.
#[derive(Debug)]
pub struct ModelRegistry {
    /// What requests that name none get: `name` or `name/version`.
    default: String,
    /// By name, the newest version of each first.
    served: watch::Sender<Vec<Arc<ServedModel>>>,
}

impl ModelRegistry {
    /// Serves `models`. Requests that name none get `default`, or the newest
    /// version of what the first of `models` is called.
    pub(super) fn new(default: Option<&str>, mut models: Vec<Arc<ServedModel>>) -> Self {
        let first = models.first().map(|model| model.manifest().name.clone());
        models.sort_by(|left, right| left.order(right));
        Self {
            default: default.map(str::to_owned).or(first).unwrap_or_default(),
            served: watch::Sender::new(models),
        }
    }

    /// The model that a request names: the default, the newest version of
    /// `name`, or `name/version`. Versions are ordered by their runs of digits as
    /// numbers, so `10` is newer than `9`.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`], [`Error::UnknownModel`] or [`Error::NoDefaultModel`],
    /// of the field `model`.
    pub fn resolve(&self, name: Option<&str>) -> Result<Arc<ServedModel>, Error> {
        let served = self.served.borrow();
        let Some(name) = name else {
            return self
                .default_of(&served)
                .cloned()
                .ok_or_else(|| Error::NoDefaultModel {
                    field: "model".to_owned(),
                    model: self.default.clone(),
                    served: ids(&served),
                });
        };
        named(&served, "model", name).cloned()
    }

    /// Every model, the default first.
    #[must_use]
    pub fn list(&self) -> Vec<Arc<ServedModel>> {
        let mut models = self.served.borrow().clone();
        if let Some(at) = models.iter().position(|model| self.is_default(model)) {
            models[..=at].rotate_right(1);
        }
        models
    }

    /// Whether requests that name no model get this one.
    #[must_use]
    pub fn is_default(&self, model: &ServedModel) -> bool {
        self.default_of(&self.served.borrow())
            .is_some_and(|default| ptr::eq(&raw const **default, model))
    }

    /// The model called `name/version`.
    pub(super) fn get(&self, id: &str) -> Option<Arc<ServedModel>> {
        let served = self.served.borrow();
        served.iter().find(|model| model.id() == id).cloned()
    }

    /// Serves `model`, and returns the one that it replaces.
    pub(super) fn insert(&self, model: Arc<ServedModel>) -> Option<Arc<ServedModel>> {
        let mut replaced = None;
        self.served.send_modify(|served| {
            replaced = take(served, model.id());
            served.push(model);
            served.sort_by(|left, right| left.order(right));
        });
        replaced
    }

    /// Takes the model called `name/version` from new streams.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownModel`].
    pub(super) fn remove(&self, id: &str) -> Result<Arc<ServedModel>, Error> {
        let mut removed = None;
        self.served.send_if_modified(|served| {
            removed = take(served, id);
            removed.is_some()
        });
        removed.ok_or_else(|| Error::UnknownModel {
            field: "model".to_owned(),
            model: id.to_owned(),
            served: ids(&self.served.borrow()),
        })
    }

    /// Whether something is served, and all of it is up.
    pub(crate) fn is_up(&self) -> bool {
        let served = self.served.borrow();
        !served.is_empty() && served.iter().all(|model| model.batcher().is_serving())
    }

    /// What is served, now and after every change.
    pub(crate) fn changes(&self) -> watch::Receiver<Vec<Arc<ServedModel>>> {
        self.served.subscribe()
    }

    fn default_of<'a>(&self, served: &'a [Arc<ServedModel>]) -> Option<&'a Arc<ServedModel>> {
        named(served, "model", &self.default).ok()
    }
}

/// The newest model that `name`, which `field` holds, may mean.
fn named<'a>(
    models: &'a [Arc<ServedModel>],
    field: &str,
    name: &str,
) -> Result<&'a Arc<ServedModel>, Error> {
    let selector = Selector::parse(field, name)?;
    models
        .iter()
        .find(|model| {
            let manifest = model.manifest();
            selector.matches(&manifest.name, &manifest.version)
        })
        .ok_or_else(|| Error::UnknownModel {
            field: field.to_owned(),
            model: name.to_owned(),
            served: ids(models),
        })
}

fn take(models: &mut Vec<Arc<ServedModel>>, id: &str) -> Option<Arc<ServedModel>> {
    let at = models.iter().position(|model| model.id() == id)?;
    Some(models.remove(at))
}

fn ids(models: &[Arc<ServedModel>]) -> Vec<String> {
    models.iter().map(|model| model.id().to_owned()).collect()
}
