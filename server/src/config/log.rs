//! What is written to standard error.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Problem;
use crate::telemetry::filter;

/// `[log]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// How log lines look. Default: `pretty`.
    pub format: LogFormat,
    /// What is logged, in the syntax of `tracing_subscriber::EnvFilter`, for
    /// instance `info` or `warn,ser_server=debug`, but that a target always has its
    /// level. Default: `info`.
    pub level: String,
}

impl LogConfig {
    pub(super) fn problems(&self) -> Vec<Problem> {
        let reason = filter(&self.level).err();
        let problems = reason.map(|reason| Problem::new("log.level", reason));
        problems.into_iter().collect()
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            format: LogFormat::default(),
            level: "info".to_owned(),
        }
    }
}

/// How log lines look.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One line of text an event, for people.
    #[default]
    Pretty,
    /// One JSON object an event, for machines.
    Json,
}

impl LogFormat {
    /// As it is written.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pretty => "pretty",
            Self::Json => "json",
        }
    }
}
