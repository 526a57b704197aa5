//! What all streams of a server share.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use tracing::debug;

use crate::{
    Error,
    admission::{Admission, Refusal},
    auth::Audit,
    config::{Config, LimitsConfig},
    models::{ModelRegistry, Repository},
    shutdown::Drain,
    telemetry::{LogLevel, Metrics, Telemetry, Tracer},
};

/// What all streams of a server share.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) limits: LimitsConfig,
    /// How long a stream may go on once it was told that it must end.
    pub(crate) grace: Duration,
    pub(crate) admission: Admission,
    pub(crate) drain: Drain,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) tracer: Tracer,
    pub(crate) log_level: LogLevel,
    /// Lines about streams that ended too early, as clients have them end.
    pub(crate) ended_streams: Audit,
    /// Lines about streams that the server failed.
    pub(crate) failed_streams: Audit,
    /// Lines about streams that went on here.
    pub(crate) resumed_streams: Audit,
    models: OnceLock<Arc<Repository>>,
}

impl Context {
    pub(crate) fn new(config: &Config, drain: Drain, telemetry: &Telemetry) -> Self {
        Self {
            limits: config.limits.clone(),
            grace: config.server.drain,
            admission: Admission::new(config, drain.clone()),
            drain,
            metrics: Arc::clone(telemetry.metrics()),
            tracer: telemetry.tracer().clone(),
            log_level: telemetry.log_level().clone(),
            ended_streams: Audit::new(),
            failed_streams: Audit::new(),
            resumed_streams: Audit::new(),
            models: OnceLock::new(),
        }
    }

    /// Counts a stream or clip that was refused before any work was done for it.
    pub(crate) fn refused(&self, error: &Error) {
        // Whoever comes by the thousand must not be able to fill the log.
        debug!("refused: {error}");
        if let Some(refusal) = Refusal::of(error) {
            self.metrics.rejected(refusal);
        }
    }

    /// Lets streams begin. Whoever calls this a second time changes nothing.
    pub(crate) fn serve(&self, models: impl Into<Arc<Repository>>) -> &Repository {
        self.models.get_or_init(|| models.into())
    }

    /// Whether new streams are welcome.
    pub(crate) fn is_ready(&self) -> bool {
        !self.drain.has_begun() && self.models().is_ok_and(ModelRegistry::is_up)
    }

    /// Whether models are being loaded while streams go on.
    pub(crate) fn is_loading(&self) -> bool {
        self.models.get().is_some_and(|models| models.is_loading())
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
