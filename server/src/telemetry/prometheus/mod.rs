//! What Prometheus reads.

mod http;

use opentelemetry_prometheus::PrometheusExporter;
use prometheus::{Encoder, Registry, TextEncoder};

use crate::Error;

pub(crate) use http::serve;

/// The metrics as text.
#[derive(Clone, Debug)]
pub(crate) struct Exposition {
    registry: Registry,
}

impl Exposition {
    /// An exposition, and what makes instruments appear in it.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`], which can't happen with a registry of its own.
    pub(super) fn new() -> Result<(Self, PrometheusExporter), Error> {
        let registry = Registry::new();
        let exporter = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .scope_info_enabled(false)
            .build()
            .map_err(|error| Error::Internal(error.to_string()))?;
        Ok((Self { registry }, exporter))
    }

    /// Every metric in Prometheus' text format.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] of a metric that the format has no way to write.
    pub(crate) fn text(&self) -> Result<Vec<u8>, Error> {
        let mut text = Vec::new();
        TextEncoder::new()
            .encode(&self.registry.gather(), &mut text)
            .map_err(|error| Error::Internal(error.to_string()))?;
        Ok(text)
    }
}
