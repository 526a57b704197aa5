//! The backends that this server was built with.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use ser_backend::Backend;
use ser_backend_burn::BurnBackend;
use ser_backend_onnx::OnnxBackend;
use ser_backend_plugin::{Deadlines, PluginBackend};
use tracing::{info, warn};

use crate::{Error, config::suggest};

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

    /// Adds `[plugins]`. A library that is no plugin is a backend that isn't
    /// available, which is logged.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] when a plugin has the name of a backend that is there.
    pub fn with_plugins(mut self, plugins: &BTreeMap<String, PathBuf>) -> Result<Self, Error> {
        if let Some(name) = plugins
            .keys()
            .find(|name| self.backends.contains_key(*name))
        {
            return Err(Error::config(
                format!("plugins.{name}"),
                "the name of a backend of this server; expected another",
            ));
        }
        for (name, path) in plugins {
            let plugin = PluginBackend::open(name, path, Deadlines::default());
            match plugin.status() {
                Ok(label) => info!(backend = name, plugin = label, "loaded plugin {label}"),
                Err(error) => warn!(backend = name, "plugin is not available: {error}"),
            }
            self = self.with(Box::new(plugin));
        }
        Ok(self)
    }

    /// Every backend, by name.
    pub fn iter(&self) -> impl Iterator<Item = &dyn Backend> {
        self.backends.values().map(Box::as_ref)
    }

    /// The backend that the configuration calls `name` under `key`.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] with the names that there are.
    pub fn get(&self, key: &str, name: &str) -> Result<&dyn Backend, Error> {
        self.backends.get(name).map(Box::as_ref).ok_or_else(|| {
            let names: Vec<_> = self.backends.keys().map(String::as_str).collect();
            let (expected, near) = (names.join(", "), suggest::word(name, &names));
            Error::config(key, format!("{name:?}; expected one of {expected}{near}"))
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

#[cfg(test)]
mod tests {
    use ser_backend::BackendError;

    use super::*;

    fn plugins(name: &str) -> BTreeMap<String, PathBuf> {
        BTreeMap::from([(name.to_owned(), PathBuf::from("/no/such/plugin.so"))])
    }

    #[test]
    fn a_plugin_has_a_name_of_its_own() {
        let backends = BackendRegistry::default();
        let error = backends.with_plugins(&plugins("burn")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "configuration: plugins.burn: the name of a backend of this server; expected another"
        );
    }

    #[test]
    fn a_library_that_is_missing_is_a_backend_that_is_not_available() {
        let backends = BackendRegistry::default();
        let backends = backends.with_plugins(&plugins("mine")).unwrap();
        let error = backends
            .get("models.backend", "mine")
            .unwrap()
            .probe()
            .unwrap_err();
        assert!(matches!(error, BackendError::Unavailable { .. }));
        assert_eq!(
            error.to_string(),
            "backend mine is not available: /no/such/plugin.so: no such file"
        );
    }
}
