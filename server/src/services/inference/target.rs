//! Which model a request means, and in which form.

use std::sync::Arc;

use crate::{
    Error,
    models::{ModelInUse, ModelRegistry, ServedModel},
};

/// What a model is called as one of rows of features.
const SUFFIX: &str = ".features";

/// A model with the form that its name asks for.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) model: ModelInUse,
    pub(super) form: Form,
}

/// What goes into a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Whole recordings.
    Audio,
    /// Rows of features, past the front end and the decision.
    Features,
}

impl Target {
    /// The model of this name; the newest version when `version` is empty.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] and [`Error::UnknownModel`], of `model_name`.
    pub(super) fn resolve(
        registry: &ModelRegistry,
        name: &str,
        version: &str,
    ) -> Result<Self, Error> {
        if name.is_empty() {
            return Err(missing());
        }
        let resolve = |name: &str| {
            let id = match version {
                "" => name.to_owned(),
                version => format!("{name}/{version}"),
            };
            registry.resolve(Some(&id))
        };
        let unknown = match resolve(name) {
            Ok(model) => return Ok(Self::new(model, Form::Audio)),
            Err(error) => error,
        };
        match name.strip_suffix(SUFFIX).map(resolve) {
            Some(Ok(model)) => Ok(Self::new(model, Form::Features)),
            _ => Err(in_request(unknown)),
        }
    }

    /// The model of this name and version; all versions when `version` is empty, and
    /// all models when `name` is, too.
    ///
    /// # Errors
    ///
    /// As [`resolve`](Self::resolve); [`Error::Invalid`] of a version without a name.
    pub(super) fn matching(
        registry: &ModelRegistry,
        name: &str,
        version: &str,
    ) -> Result<Vec<Self>, Error> {
        if name.is_empty() {
            return if version.is_empty() {
                let audio = |model| Self::new(model, Form::Audio);
                Ok(registry.list().into_iter().map(audio).collect())
            } else {
                Err(missing())
            };
        }
        let newest = Self::resolve(registry, name, version)?;
        if !version.is_empty() {
            return Ok(vec![newest]);
        }
        let of_same_name = registry
            .list()
            .into_iter()
            .filter(|model| model.manifest().name == newest.model.manifest().name)
            .map(|model| Self::new(model, newest.form));
        Ok(of_same_name.collect())
    }

    fn new(model: Arc<ServedModel>, form: Form) -> Self {
        Self {
            model: ModelInUse::new(model),
            form,
        }
    }

    /// What the model is called in this form.
    pub(super) fn name(&self) -> String {
        let name = &self.model.manifest().name;
        match self.form {
            Form::Audio => name.clone(),
            Form::Features => format!("{name}{SUFFIX}"),
        }
    }
}

fn missing() -> Error {
    Error::invalid("model_name", "missing", "the name of a model")
}

/// The registry's error with the field as it is called here.
fn in_request(error: Error) -> Error {
    let field = "model_name".to_owned();
    match error {
        Error::Invalid {
            found, expected, ..
        } => Error::invalid(field, found, expected),
        Error::UnknownModel { model, served, .. } => Error::UnknownModel {
            field,
            model,
            served,
        },
        other => other,
    }
}
