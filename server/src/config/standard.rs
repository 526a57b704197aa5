//! Variables that OpenTelemetry has given names to, and that whoever runs a server
//! may set for all that runs there.

use std::collections::HashMap;

/// The standard's variables, each with ours.
const STANDARD: [(&str, &str); 3] = [
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "SER__TELEMETRY__ENDPOINT"),
    ("OTEL_SERVICE_NAME", "SER__TELEMETRY__SERVICE_NAME"),
    (
        "OTEL_RESOURCE_ATTRIBUTES",
        "SER__TELEMETRY__RESOURCE_ATTRIBUTES",
    ),
];

/// Lets `variable` give a value under its standard name where ours is missing from
/// `environment`. Empty ones count as missing, as the standard says.
pub(super) fn add(
    environment: &mut HashMap<String, String>,
    variable: impl Fn(&str) -> Option<String>,
) {
    for (standard, ours) in STANDARD {
        if !environment.contains_key(ours)
            && let Some(value) = variable(standard).filter(|value| !value.is_empty())
        {
            environment.insert(ours.to_owned(), value);
        }
    }
}
