//! `ser-client admin`.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::values::duration;

#[derive(Debug, Args)]
pub(crate) struct AdminArgs {
    /// Address of the admin service.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "SER_CLIENT_ADMIN_SERVER",
        default_value = "http://127.0.0.1:50052"
    )]
    pub(crate) admin_server: String,
    /// Print one JSON object a line for each model, of `type` "repository_model":
    /// name, version, state (serving, not_loaded, loading, refused, down), refusal,
    /// open_streams, is_default, origin; for a log level, of `type` "log_level": level,
    /// configured, reverts_in.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) action: AdminAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AdminAction {
    /// Show every model that the server finds or serves.
    List,
    /// Load a model and serve it to new streams.
    Load(ChangeArgs),
    /// Take a model from new streams.
    Unload(ChangeArgs),
    /// Load a model again, in place of what is served under its name and version.
    Reload(ChangeArgs),
    /// Show what the server logs, or change it until it is stopped.
    LogLevel(LogLevelArgs),
}

#[derive(Debug, Args)]
pub(crate) struct LogLevelArgs {
    /// What is logged from now on, as log.level in the server's configuration: for
    /// instance debug, or warn,ser_server=debug.
    pub(crate) filter: Option<String>,
    /// How long that lasts, at most 24h; then what is configured is back.
    #[arg(long = "for", value_name = "TIME", requires = "filter", value_parser = duration)]
    pub(crate) lasts: Option<Duration>,
    /// Go back to what is configured.
    #[arg(long, conflicts_with = "filter")]
    pub(crate) reset: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ChangeArgs {
    /// NAME/VERSION.
    pub(crate) model: String,
    /// How long to wait: for the changes before this one, and for a model to be
    /// loaded and checked.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
    pub(crate) wait: Duration,
}
