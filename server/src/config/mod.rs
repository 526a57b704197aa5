//! The configuration: plain structs with their defaults, and nothing that
//! reads them from anywhere (that is [`load()`]).

pub(crate) mod address;
mod admin;
mod attributes;
mod auth;
mod batcher;
mod duration;
mod health;
mod limits;
mod list;
mod load;
mod log;
mod memory;
mod metrics;
mod models;
mod overload;
pub(crate) mod problem;
mod reach;
mod server;
mod settings;
mod standard;
mod telemetry;
#[cfg(test)]
mod tests;
mod tls;
mod variables;

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

pub use admin::AdminConfig;
pub use auth::AuthConfig;
pub use batcher::BatcherConfig;
pub use health::HealthConfig;
pub use limits::LimitsConfig;
pub use load::{Overrides, load};
pub use log::{LogConfig, LogFormat};
pub use metrics::MetricsConfig;
pub use models::{ModelsConfig, PackageConfig};
pub use overload::OverloadConfig;
pub use problem::Problem;
pub use server::ServerConfig;
pub use telemetry::TelemetryConfig;
pub use tls::TlsConfig;
pub(crate) use tls::TlsKeys;
pub use variables::misspelt_variables;

/// A configuration file with every key, its default and what it is for.
pub const EXAMPLE: &str = include_str!("../../ser-server.example.toml");

/// Everything that an operator can set.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[server]`: where and how to listen.
    pub server: ServerConfig,
    /// `[tls]`: certificates of the server and of its clients.
    pub tls: TlsConfig,
    /// `[auth]`: who may use the server.
    pub auth: AuthConfig,
    /// `[limits]`: what one client may ask for.
    pub limits: LimitsConfig,
    /// `[overload]`: when new streams are refused so that open ones keep up.
    pub overload: OverloadConfig,
    /// `[batcher]`: how rows of all streams become batches.
    pub batcher: BatcherConfig,
    /// `[models]`: what is served, and on what.
    pub models: ModelsConfig,
    /// `[admin]`: where operators load and unload models.
    pub admin: AdminConfig,
    /// `[health]`: where probes ask whether the server is ready.
    pub health: HealthConfig,
    /// `[plugins]`: further backends by the name that `models.backend` gives
    /// them, each the path of a shared library. Default: none.
    pub plugins: BTreeMap<String, PathBuf>,
    /// `[metrics]`: where Prometheus finds the metrics.
    pub metrics: MetricsConfig,
    /// `[telemetry]`: what is sent to an OpenTelemetry collector.
    pub telemetry: TelemetryConfig,
    /// `[log]`: what is logged, and how it looks on standard error.
    pub log: LogConfig,
}
