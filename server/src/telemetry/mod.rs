//! What the server shows of itself: metrics, traces and log lines. None of them
//! holds audio, features, labels of single results or scores: more people read them
//! than a call.

mod metrics;

use std::sync::Arc;

use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::{Resource, metrics::SdkMeterProvider};

pub use metrics::{Metrics, ModelMetrics};
pub(crate) use metrics::{Open, PrincipalMetrics};

/// Instruments that nobody reads, for tests.
#[cfg(test)]
pub(crate) fn unread() -> Arc<Metrics> {
    Telemetry::default().metrics
}

/// What a server measures with, and where that goes.
#[derive(Debug)]
pub struct Telemetry {
    metrics: Arc<Metrics>,
}

impl Telemetry {
    /// The instruments.
    pub(crate) fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }
}

impl Default for Telemetry {
    /// Instruments that nobody reads.
    fn default() -> Self {
        let resource = Resource::builder_empty().build();
        let meters = SdkMeterProvider::builder().with_resource(resource).build();
        Self {
            metrics: Arc::new(Metrics::new(&meters.meter("ser-server"))),
        }
    }
}
