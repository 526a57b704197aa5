//! Log lines: on standard error, and to a collector if there is one. They never hold
//! audio, features, labels or scores: a log is read by more people than a call.

mod filter;
mod level;

use std::io::{self, IsTerminal};

use opentelemetry_appender_tracing::layer::{OpenTelemetryTracingBridge, TracingSpanAttributes};
use opentelemetry_sdk::logs::SdkLoggerProvider;
use tracing::Metadata;
use tracing_subscriber::{
    Layer, Registry, filter::filter_fn, fmt, layer::SubscriberExt, reload, util::SubscriberInitExt,
};

use crate::{
    Error,
    config::{LogConfig, LogFormat},
};

pub(crate) use filter::filter;
pub(crate) use level::{Level, LogLevel};

/// Libraries that work when log lines are sent: lines about that would never end.
const SENDERS: [&str; 6] = ["h2", "hyper", "opentelemetry", "rustls", "tonic", "tower"];

/// Sends the events of this process to standard error, and to `collector`. What
/// is let through can be changed by what this returns.
///
/// # Errors
///
/// When the level is malformed, or another subscriber is installed already.
pub(super) fn init(
    config: &LogConfig,
    collector: Option<&SdkLoggerProvider>,
) -> Result<LogLevel, Error> {
    let filter = filter(&config.level).map_err(|reason| Error::config("log.level", reason))?;
    let (filter, handle) = reload::Layer::new(filter);
    let to_collector = collector.map(|provider| {
        OpenTelemetryTracingBridge::builder(provider)
            .with_tracing_span_attributes(TracingSpanAttributes::all())
            .build()
            .with_filter(filter_fn(isnt_about_sending))
    });
    Registry::default()
        .with(filter)
        .with(to_collector)
        .with(lines(config.format))
        .try_init()
        .map_err(|error| Error::Internal(error.to_string()))?;
    Ok(LogLevel::new(config.level.clone(), move |filter| {
        handle
            .reload(filter)
            .map_err(|error| Error::Internal(error.to_string()))
    }))
}

/// Lines on standard error.
fn lines<S>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    let mut lines = fmt::layer().with_writer(io::stderr);
    // On a terminal the subscriber decides for itself, and respects NO_COLOR.
    if !io::stderr().is_terminal() {
        lines = lines.with_ansi(false);
    }
    match format {
        LogFormat::Pretty => lines.with_target(false).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    }
}

fn isnt_about_sending(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    !SENDERS.iter().any(|sender| target.starts_with(sender))
}
