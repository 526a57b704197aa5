//! Every model that is served, by name.

use std::sync::Arc;

use ser_backend::Manifest;

use super::{
    BackendRegistry, ServedModel, load,
    selector::{Selector, compare_versions},
};
use crate::{Error, config::Config};

/// Every model that is served.
#[derive(Debug)]
pub struct ModelRegistry {
    /// Never empty; the default first.
    models: Vec<Arc<ServedModel>>,
}

impl ModelRegistry {
    /// Finds the packages that `config` names, and loads, checks and starts all
    /// of them. Takes as long as that takes: not for an async worker.
    ///
    /// # Errors
    ///
    /// When any of them can't be served, or there is none, or the default isn't
    /// among them.
    pub fn load(config: &Config, backends: &BackendRegistry) -> Result<Self, Error> {
        let mut models = load::models(config, backends)?;
        if let Some(default) = &config.models.default {
            let at = newest(&models, "configuration: models.default", default)?;
            models[..=at].rotate_right(1);
        }
        Ok(Self { models })
    }

    /// The model that a request names: the default, the newest version of
    /// `name`, or `name/version`. Versions are ordered by their runs of digits as
    /// numbers, so `10` is newer than `9`.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] or [`Error::UnknownModel`], of the field `model`.
    pub fn resolve(&self, name: Option<&str>) -> Result<Arc<ServedModel>, Error> {
        match name {
            None => Ok(Arc::clone(self.default_model())),
            Some(name) => {
                newest(&self.models, "model", name).map(|at| Arc::clone(&self.models[at]))
            }
        }
    }

    /// Every model, the default first.
    #[must_use]
    pub fn list(&self) -> &[Arc<ServedModel>] {
        &self.models
    }

    /// The model of requests that name none.
    #[must_use]
    pub fn default_model(&self) -> &Arc<ServedModel> {
        self.models
            .first()
            .expect("a registry without models is an error")
    }
}

/// Where the newest model is that `name`, which `field` holds, may mean.
fn newest(models: &[Arc<ServedModel>], field: &str, name: &str) -> Result<usize, Error> {
    let selector = Selector::parse(field, name)?;
    let version = |at: &usize| -> &str { &models[*at].manifest().version };
    (0..models.len())
        .filter(|&at| {
            let Manifest { name, version, .. } = models[at].manifest();
            selector.matches(name, version)
        })
        .max_by(|left, right| compare_versions(version(left), version(right)))
        .ok_or_else(|| Error::UnknownModel {
            field: field.to_owned(),
            model: name.to_owned(),
            served: models
                .iter()
                .map(|model| model.id())
                .collect::<Vec<_>>()
                .join(", "),
        })
}
