//! What is logged, as operators write it.

use tracing_subscriber::{EnvFilter, filter::LevelFilter};

/// The libraries that send telemetry. What they say of a collector that is gone, the
/// server says itself, and not every second.
const EXPORTERS: &str = "opentelemetry";

/// What `level` lets through.
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
    let all = if level.contains(EXPORTERS) {
        level.to_owned()
    } else {
        format!("{level},{EXPORTERS}=off")
    };
    EnvFilter::try_new(all).map_err(|error| format!("{level:?}; {error}"))
}
