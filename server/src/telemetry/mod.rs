//! What the server shows of itself: metrics, traces and log lines. None of them
//! holds audio, features or scores, and of labels there are totals alone: more people
//! read them than a call.
//!
//! The instruments in [`metrics`](Metrics) are read by Prometheus, by a collector, or by
//! nobody; spans and log lines go to a collector when there is one.

mod logs;
mod metrics;
mod otlp;
mod prometheus;
mod traces;

use std::{sync::Arc, thread, time::Duration};

use opentelemetry::{metrics::MeterProvider, trace::TracerProvider};
use opentelemetry_sdk::{
    logs::SdkLoggerProvider, metrics::SdkMeterProvider, trace::SdkTracerProvider,
};
use tokio::{sync::oneshot, time::timeout};

use self::{otlp::Collector, prometheus::Exposition};
use crate::{Error, config::Config};

pub(crate) use logs::{Level, LogLevel, filter};
pub(crate) use metrics::{Open, PrincipalMetrics, code_name};
pub(crate) use otlp::problems;
pub(crate) use prometheus::serve as serve_prometheus;
pub(crate) use traces::{BatchSpan, CallSpan, Service, Tracer};

pub use metrics::{Metrics, ModelMetrics};
pub use traces::WindowSpan;

/// What instruments and spans say they come from.
const SCOPE: &str = "ser-server";
/// How long the collector may take for what is left at the end.
const FLUSH: Duration = Duration::from_secs(2);

/// What a server measures with, and where that goes. Clones are the same.
#[derive(Clone, Debug)]
pub struct Telemetry {
    metrics: Arc<Metrics>,
    tracer: Tracer,
    exposition: Option<Exposition>,
    log_level: LogLevel,
    providers: Providers,
}

/// What sends to the collector.
#[derive(Clone, Debug, Default)]
struct Providers {
    meters: SdkMeterProvider,
    tracers: Option<SdkTracerProvider>,
    loggers: Option<SdkLoggerProvider>,
}

impl Telemetry {
    /// What `config` asks for, with the log lines of this process: there can be only
    /// one of these. To be called where there is a tokio runtime.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] of a setting that can't be.
    pub fn start(config: &Config) -> Result<Self, Error> {
        let collector = Collector::new(&config.telemetry)?;
        let collector = collector.as_ref();
        let loggers = collector.map(Collector::logs).transpose()?.flatten();
        let log_level = logs::init(&config.log, loggers.as_ref())?;
        Self::with(config, collector, log_level, loggers)
    }

    /// What `config` asks for, without log lines: for servers within another program,
    /// whose lines are its own.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] of a setting that can't be.
    pub fn without_logs(config: &Config) -> Result<Self, Error> {
        let collector = Collector::new(&config.telemetry)?;
        // Checked, and for nobody.
        let level = LogLevel::new(config.log.level.clone(), |_| Ok(()));
        Self::with(config, collector.as_ref(), level, None)
    }

    fn with(
        config: &Config,
        collector: Option<&Collector>,
        log_level: LogLevel,
        loggers: Option<SdkLoggerProvider>,
    ) -> Result<Self, Error> {
        let mut meters =
            SdkMeterProvider::builder().with_resource(otlp::resource(&config.telemetry));
        let mut exposition = None;
        if config.metrics.listen.is_some() {
            let (text, reader) = Exposition::new()?;
            meters = meters.with_reader(reader);
            exposition = Some(text);
        }
        if let Some(reader) = collector.map(Collector::metrics).transpose()?.flatten() {
            meters = meters.with_reader(reader);
        }
        let meters = meters.build();
        let meter = meters.meter(SCOPE);
        if let Some(collector) = collector {
            collector.losses().measure(&meter);
        }
        let tracers = collector.map(Collector::traces).transpose()?.flatten();
        let tracer = tracers.as_ref().map_or_else(Tracer::default, |tracers| {
            Tracer::new(tracers.tracer(SCOPE), config.telemetry.window_ratio)
        });
        Ok(Self {
            metrics: Arc::new(Metrics::new(&meter)),
            tracer,
            exposition,
            log_level,
            providers: Providers {
                meters,
                tracers,
                loggers,
            },
        })
    }

    /// The instruments.
    pub(crate) fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// What makes spans.
    pub(crate) fn tracer(&self) -> &Tracer {
        &self.tracer
    }

    /// What Prometheus reads, if the configuration lets it.
    pub(crate) fn exposition(&self) -> Option<&Exposition> {
        self.exposition.as_ref()
    }

    /// What is logged.
    pub(crate) fn log_level(&self) -> &LogLevel {
        &self.log_level
    }

    /// Sends what is left. A collector that doesn't take it in 2 s never gets it.
    pub async fn flush(self) {
        let (done, flushed) = oneshot::channel();
        // Not one of the runtime's, which would be waited for.
        let flusher = thread::Builder::new().name("ser-flush".to_owned());
        let providers = self.providers;
        let spawned = flusher.spawn(move || {
            // What can't be sent is counted and told where it is sent.
            let _ = providers.flush();
            let _ = done.send(());
        });
        if spawned.is_ok() {
            let _ = timeout(FLUSH, flushed).await;
        }
    }
}

impl Providers {
    fn flush(self) -> opentelemetry_sdk::error::OTelSdkResult {
        let traces = (self.tracers).map_or(Ok(()), |tracers| tracers.shutdown_with_timeout(FLUSH));
        let logs = (self.loggers).map_or(Ok(()), |loggers| loggers.shutdown_with_timeout(FLUSH));
        let metrics = self.meters.shutdown_with_timeout(FLUSH);
        traces.and(logs).and(metrics)
    }
}

#[cfg(test)]
impl Telemetry {
    /// Instruments that [`Telemetry::exposition`] shows.
    pub(crate) fn for_prometheus() -> Self {
        let mut config = Config::default();
        config.metrics.listen = Some(([127, 0, 0, 1], 0).into());
        Self::without_logs(&config).unwrap()
    }

    /// Spans of everything, which `exporter` gets as soon as they end.
    pub(crate) fn with_spans(
        exporter: impl opentelemetry_sdk::trace::SpanExporter + 'static,
    ) -> Self {
        let tracers = SdkTracerProvider::builder()
            .with_simple_exporter(exporter)
            .build();
        Self {
            tracer: Tracer::new(tracers.tracer(SCOPE), 1.0),
            ..Self::for_prometheus()
        }
    }

    /// The metrics as Prometheus sees them.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.exposition().unwrap().text().unwrap()).unwrap()
    }
}

/// Instruments that nobody reads.
#[cfg(test)]
impl Default for Telemetry {
    fn default() -> Self {
        Self::without_logs(&Config::default()).unwrap()
    }
}

/// The same, without the rest.
pub(crate) fn unread() -> Arc<Metrics> {
    let meters = SdkMeterProvider::builder().build();
    Arc::new(Metrics::new(&meters.meter(SCOPE)))
}

#[cfg(test)]
mod tests;
