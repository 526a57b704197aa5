//! Where Prometheus finds the metrics.

use std::{net::SocketAddr, path::PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Problem, address};

/// `[metrics]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MetricsConfig {
    /// The address of `/metrics`, which has a listener of its own, speaks plain
    /// HTTP/1.1 and asks for no credentials: whoever reaches it sees how many streams
    /// each principal has, and no more of them than that. Port 0 takes a free one.
    /// Default: none, there is no such listener.
    #[serde(deserialize_with = "address::deserialize")]
    #[schemars(example = &"127.0.0.1:9464")]
    pub listen: Option<SocketAddr>,
    /// A file that the bound port is written to, in decimal. Default: none.
    #[schemars(example = &"/run/ser-server/metrics-port")]
    pub port_file: Option<PathBuf>,
}

impl MetricsConfig {
    pub(super) fn problems(&self) -> Vec<Problem> {
        if self.listen.is_none() && self.port_file.is_some() {
            return vec![Problem::needs("metrics.port_file", "metrics.listen")];
        }
        Vec::new()
    }
}
