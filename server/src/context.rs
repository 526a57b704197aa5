//! What all streams of a server share.

use std::sync::{Arc, OnceLock};

use crate::{
    Error,
    admission::Admission,
    config::{Config, LimitsConfig},
    models::{ModelRegistry, Repository},
    shutdown::Drain,
    telemetry::Metrics,
};

/// What all streams of a server share.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) limits: LimitsConfig,
    pub(crate) admission: Admission,
    pub(crate) drain: Drain,
    pub(crate) metrics: Arc<Metrics>,
    models: OnceLock<Arc<Repository>>,
}

impl Context {
    pub(crate) fn new(config: &Config, drain: Drain, metrics: Arc<Metrics>) -> Self {
        Self {
            limits: config.limits.clone(),
            admission: Admission::new(config, drain.clone()),
            drain,
            metrics,
            models: OnceLock::new(),
        }
    }

    /// Lets streams begin. Whoever calls this a second time changes nothing.
    pub(crate) fn serve(&self, models: Repository) -> &Repository {
        self.models.get_or_init(|| Arc::new(models))
    }

    /// # Errors
    ///
    /// [`Error::Loading`].
    pub(crate) fn models(&self) -> Result<&ModelRegistry, Error> {
        self.repository().map(|repository| repository.registry())
    }

    /// # Errors
    ///
    /// [`Error::Loading`].
    pub(crate) fn repository(&self) -> Result<&Arc<Repository>, Error> {
        self.models.get().ok_or(Error::Loading)
    }
}
