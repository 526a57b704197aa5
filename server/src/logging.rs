//! Log lines on standard error. They never hold audio, features, labels or
//! scores: a log is read by more people than a call.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

use crate::{
    Error,
    config::{LogConfig, LogFormat},
};

/// Sends the events of this process to standard error.
///
/// # Errors
///
/// When the level is malformed, or another subscriber is installed already.
pub fn init(config: &LogConfig) -> Result<(), Error> {
    let failed = |error: &dyn std::fmt::Display| Error::Config {
        place: "log.level".to_owned(),
        reason: format!("{:?}; {error}", config.level),
    };
    let filter = EnvFilter::try_new(&config.level).map_err(|error| failed(&error))?;
    let mut lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    // On a terminal the subscriber decides for itself, and respects NO_COLOR.
    if !io::stderr().is_terminal() {
        lines = lines.with_ansi(false);
    }
    match config.format {
        LogFormat::Pretty => lines.with_target(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    }
    .map_err(|error| failed(&error))
}
