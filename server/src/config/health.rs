//! Where probes ask whether the server is ready.

use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::address;

/// `[health]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HealthConfig {
    /// The address of a listener for probes alone, such as Kubernetes', which know
    /// neither TLS nor tokens: without either it serves `grpc.health.v1.Health` and
    /// nothing else; port 0 takes a free one. Default: none, health is served beside
    /// everything else alone.
    #[serde(deserialize_with = "address::deserialize")]
    #[schemars(example = &"0.0.0.0:50053")]
    pub listen: Option<SocketAddr>,
}
