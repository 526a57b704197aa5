//! What is sent to an OpenTelemetry collector.

use std::{collections::BTreeMap, num::NonZeroUsize, path::PathBuf, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Problem, attributes, duration};

/// `[telemetry]`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TelemetryConfig {
    /// The collector that traces, metrics and logs are sent to, by OTLP over gRPC, for
    /// instance `http://127.0.0.1:4317`, or `https://` with TLS, and never with a
    /// password, which `headers_file` is for. The variable
    /// `OTEL_EXPORTER_OTLP_ENDPOINT` sets it, too, if nothing else does. Default:
    /// none, nothing is sent.
    #[schemars(example = &"http://127.0.0.1:4317")]
    pub endpoint: Option<String>,
    /// A file of headers to send along, each a line `name: value`, such as the
    /// collector's token. Default: none.
    #[schemars(example = &"/etc/ser-server/otlp-headers")]
    pub headers_file: Option<PathBuf>,
    /// A file of certificates in PEM, by which the collector's is checked. Default:
    /// none, those that the system trusts.
    #[schemars(example = &"/etc/ser-server/otlp-ca.pem")]
    pub ca: Option<PathBuf>,
    /// How long the collector may take for one message. Default: 10 s.
    #[serde(with = "duration::Positive")]
    pub timeout: Duration,
    /// How long metrics are gathered for one message. Default: 15 s.
    #[serde(with = "duration::Positive")]
    pub interval: Duration,
    /// Whether traces are sent. Default: true.
    pub traces: bool,
    /// Whether metrics are sent. Default: true.
    pub metrics: bool,
    /// Whether log lines are sent, those that `log.level` lets through. Default: true.
    pub logs: bool,
    /// The share of streams and clips that are traced, 0 to 1, of those whose client
    /// sends no `traceparent`; the others are as their client has decided. Default:
    /// 0.01.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub sample_ratio: f64,
    /// The share of windows that are traced in streams that are, 0 to 1. Default:
    /// 0.05.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub window_ratio: f64,
    /// Spans, and as many log lines, that may wait for the collector. What there is no
    /// place for is dropped and counted. Default: 2048.
    pub queue: NonZeroUsize,
    /// What the server calls itself. The variable `OTEL_SERVICE_NAME` sets it, too,
    /// if nothing else does. Default: `ser-server`.
    pub service_name: String,
    /// What else is said of the server with everything that is sent; in a variable,
    /// `key=value,key=value`, with `%2C` for a comma. The variable
    /// `OTEL_RESOURCE_ATTRIBUTES` sets it, too, if nothing else does. Default: none.
    #[serde(deserialize_with = "attributes::deserialize")]
    #[schemars(example = json!({"deployment.environment": "production"}))]
    pub resource_attributes: BTreeMap<String, String>,
}

impl TelemetryConfig {
    /// Settings are printed and logged, and so hold no secrets.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let endpoint = self.endpoint.iter();
        let with_user = endpoint.filter(|url| url.contains('@'));
        let problem = |_| {
            Problem::new(
                "telemetry.endpoint",
                "a URL with a user or a password; expected one without, and the header that \
                 says who sends in telemetry.headers_file",
            )
        };
        with_user.map(problem).collect()
    }
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        const QUEUE: NonZeroUsize = NonZeroUsize::new(2048).expect("not zero");
        Self {
            endpoint: None,
            headers_file: None,
            ca: None,
            timeout: Duration::from_secs(10),
            interval: Duration::from_secs(15),
            traces: true,
            metrics: true,
            logs: true,
            sample_ratio: 0.01,
            window_ratio: 0.05,
            queue: QUEUE,
            service_name: "ser-server".to_owned(),
            resource_attributes: BTreeMap::new(),
        }
    }
}
