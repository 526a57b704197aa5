//! Where Prometheus finds the metrics.

use std::{net::SocketAddr, path::PathBuf};

use serde::{Deserialize, Serialize};

use super::address;

/// `[metrics]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricsConfig {
    /// The address of `/metrics`, which has a listener of its own, speaks plain
    /// HTTP/1.1 and asks for no credentials: whoever reaches it sees how many streams
    /// each principal has, and no more of them than that. Port 0 takes a free one.
    /// Default: none, there is no such listener.
    #[serde(
        deserialize_with = "address::deserialize",
        skip_serializing_if = "Option::is_none"
    )]
    pub listen: Option<SocketAddr>,
    /// A file that the bound port is written to, in decimal. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_file: Option<PathBuf>,
}
