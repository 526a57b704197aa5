//! Log lines on standard error. They never hold audio, features, labels or
//! scores: a log is read by more people than a call.

use std::io::{self, IsTerminal};

use tracing_subscriber::{EnvFilter, filter::LevelFilter};

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
    let filter = filter(&config.level).map_err(|reason| Error::config("log.level", reason))?;
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
    .map_err(|error| Error::Internal(error.to_string()))
}

/// What `log.level` lets through.
///
/// # Errors
///
/// The value and what was expected.
pub(crate) fn filter(level: &str) -> Result<EnvFilter, String> {
    // A lone word that is no level would be a target, so that of everything else
    // nothing is logged, not even errors.
    let misspelt = level.split(',').find(|directive| {
        !directive.contains(['=', '[']) && directive.parse::<LevelFilter>().is_err()
    });
    if let Some(directive) = misspelt {
        return Err(format!(
            "{directive:?}; expected off, error, warn, info, debug, trace or TARGET=LEVEL"
        ));
    }
    EnvFilter::try_new(level).map_err(|error| format!("{level:?}; {error}"))
}
