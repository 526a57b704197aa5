//! Variables that OpenTelemetry has given names to, and that whoever runs a server
//! may set for all that runs there.

use std::collections::BTreeMap;

use ::config::{Map, Value};

use super::layer::Layer;

/// The standard's variables, each with our key.
const STANDARD: [(&str, &str); 3] = [
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "telemetry.endpoint"),
    ("OTEL_SERVICE_NAME", "telemetry.service_name"),
    ("OTEL_RESOURCE_ATTRIBUTES", "telemetry.resource_attributes"),
];

/// Whether a variable is one of them.
pub(super) fn knows(name: &str) -> bool {
    STANDARD.iter().any(|(standard, _)| *standard == name)
}

/// What the standard's variables set. Empty ones count as missing, as the standard
/// says.
pub(super) fn read(variables: &BTreeMap<String, String>) -> Layer {
    let mut layer = Layer::new(Map::new());
    for (name, key) in STANDARD {
        if let Some(text) = variables.get(name).filter(|text| !text.is_empty()) {
            let path: Vec<_> = key.split('.').collect();
            let value = Value::new(Some(&format!("environment variable {name}")), text.as_str());
            assert!(layer.set(&path, value), "each key is there once");
        }
    }
    layer
}
