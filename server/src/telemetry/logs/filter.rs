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
    // nothing is logged, not even errors. And what parses the others, of
    // tracing-subscriber 0.3.23, panics within characters of several bytes.
    let misspelt = level.split(',').find(|directive| {
        let is_word = !directive.contains(['=', '[']);
        !directive.is_ascii() || is_word && directive.parse::<LevelFilter>().is_err()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_ascii_is_refused() {
        for level in [
            "größe=info",
            "[a{b=\"ü\"}]=info",
            "n\u{4000}{[[[S::::[[S::?::*::=:**::*::= [[[}[[n)t",
        ] {
            let error = filter(level).unwrap_err();
            let expected = "expected off, error, warn, info, debug, trace or TARGET=LEVEL";
            assert!(error.ends_with(expected), "{error}");
        }
        assert!(filter("warn,ser_server[stream{code=\"OK\"}]=debug").is_ok());
    }
}
