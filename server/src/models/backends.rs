//! The backends that this server was built with.

use std::{collections::BTreeMap, fmt};

use ser_backend::Backend;
use ser_backend_burn::BurnBackend;
use ser_backend_onnx::OnnxBackend;

use crate::Error;

/// Backends by name. There is no discovery: what isn't registered here isn't
/// there.
pub struct BackendRegistry {
    backends: BTreeMap<String, Box<dyn Backend>>,
}

impl BackendRegistry {
    /// No backends.
    #[must_use]
    pub fn new() -> Self {
        Self {
            backends: BTreeMap::new(),
        }
    }

    /// Adds a backend under its own name, in place of the one of that name if
    /// there is one.
    #[must_use]
    pub fn with(mut self, backend: Box<dyn Backend>) -> Self {
        self.backends.insert(backend.name().to_owned(), backend);
        self
    }

    /// Every backend, by name.
    pub fn iter(&self) -> impl Iterator<Item = &dyn Backend> {
        self.backends.values().map(Box::as_ref)
    }

    /// The backend that the configuration calls `name`.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] with the names that there are.
    pub fn get(&self, name: &str) -> Result<&dyn Backend, Error> {
        self.backends.get(name).map(Box::as_ref).ok_or_else(|| {
            let names: Vec<_> = self.backends.keys().map(String::as_str).collect();
            Error::Config {
                place: "configuration: models.backend".to_owned(),
                reason: format!("{name:?}; expected one of {}", names.join(", ")),
            }
        })
    }
}

impl Default for BackendRegistry {
    /// Every backend of this build.
    fn default() -> Self {
        Self::new()
            .with(Box::new(BurnBackend::new()))
            .with(Box::new(OnnxBackend::new()))
    }
}

impl fmt::Debug for BackendRegistry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.backends.keys()).finish()
    }
}
