//! The configuration: plain structs with their defaults, and nothing that
//! reads them from anywhere (that is [`load()`]).
//!
//! The structs are the only source: the JSON Schema, the example, the names of
//! environment variables and most errors are made from their fields, doc comments
//! and defaults.

pub(crate) mod address;
mod admin;
mod attributes;
mod auth;
mod batcher;
mod check;
mod duration;
mod environment;
mod example;
mod file;
mod flags;
mod health;
mod keys;
mod layer;
mod limits;
mod list;
mod listeners;
mod load;
mod log;
mod memory;
mod metrics;
mod models;
mod overload;
mod print;
pub(crate) mod problem;
mod reach;
mod schema;
mod server;
mod standard;
pub(crate) mod suggest;
mod telemetry;
#[cfg(test)]
mod tests;
mod text;
mod tls;

use std::{collections::BTreeMap, path::PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

pub use admin::AdminConfig;
pub use auth::AuthConfig;
pub use batcher::BatcherConfig;
pub use environment::misspelt_variables;
pub use example::example;
pub use flags::Overrides;
pub use health::HealthConfig;
pub use limits::LimitsConfig;
#[cfg(feature = "fuzzing")]
pub(crate) use load::parse;
pub use load::{Settings, examine, load};
pub use log::{LogConfig, LogFormat};
pub use metrics::MetricsConfig;
pub use models::{ModelsConfig, PackageConfig};
pub use overload::OverloadConfig;
pub use problem::Problem;
pub use schema::json as json_schema;
pub use server::ServerConfig;
pub use telemetry::TelemetryConfig;
pub use tls::TlsConfig;
pub(crate) use tls::TlsKeys;

/// Everything that an operator can set.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where and how to listen.
    pub server: ServerConfig,
    /// Certificates of the server and of its clients. Each file is PEM, and is read
    /// again when it changes, or on SIGHUP. Without a certificate there is no TLS.
    pub tls: TlsConfig,
    /// Who may use the server.
    pub auth: AuthConfig,
    /// What one client may ask for.
    pub limits: LimitsConfig,
    /// When new streams are refused so that open ones keep up.
    pub overload: OverloadConfig,
    /// How rows of all streams become batches.
    pub batcher: BatcherConfig,
    /// What is served, and on what.
    pub models: ModelsConfig,
    /// Where operators load and unload models.
    pub admin: AdminConfig,
    /// Where probes ask whether the server is ready.
    pub health: HealthConfig,
    /// Further backends by the name that `models.backend` gives them, each the path
    /// of a shared library. It shares this process and its rights: name only what
    /// you trust. Default: none.
    #[schemars(example = json!({"mine": "/usr/lib/ser-server/libmine.so"}))]
    pub plugins: BTreeMap<String, PathBuf>,
    /// Where Prometheus finds the metrics.
    pub metrics: MetricsConfig,
    /// What is sent to an OpenTelemetry collector.
    pub telemetry: TelemetryConfig,
    /// What is logged, and how it looks on standard error.
    pub log: LogConfig,
}

impl Config {
    /// Whether certificates or tokens come from files, which are read again when they
    /// change, or on SIGHUP.
    pub(crate) fn names_credentials(&self) -> bool {
        let admin = &self.admin;
        let tokens = [&self.auth.tokens, &admin.tokens];
        self.tls.is_on() || admin.tls.is_on() || tokens.into_iter().any(Option::is_some)
    }

    /// What types alone can't say, and what depends on several keys.
    fn problems(&self) -> Vec<Problem> {
        [
            self.tls.problems(&TlsKeys::SERVER),
            self.admin.tls.problems(&TlsKeys::ADMIN),
            reach::problems(self),
            listeners::problems(self),
            self.metrics.problems(),
            self.telemetry.problems(),
            self.log.problems(),
        ]
        .concat()
    }
}
