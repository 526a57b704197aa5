//! Where operators load and unload models.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use super::{address, duration};

/// `[admin]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdminConfig {
    /// The address of the admin service, which has a listener of its own; port 0
    /// takes a free one. Default: none, there is no admin service, since anybody
    /// who reaches it may take models away.
    #[serde(
        deserialize_with = "address::deserialize",
        skip_serializing_if = "Option::is_none"
    )]
    pub listen: Option<SocketAddr>,
    /// A file that the bound port is written to, in decimal. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_file: Option<PathBuf>,
    /// Whether `listen` may be reached from other machines. Default: false.
    pub allow_remote: bool,
    /// How long a call waits for its turn, and then for a model to be loaded. One
    /// that takes longer is refused. Default: 5 min.
    #[serde(with = "duration")]
    pub deadline: Duration,
}

impl Default for AdminConfig {
    fn default() -> Self {
        Self {
            listen: None,
            port_file: None,
            allow_remote: false,
            deadline: Duration::from_secs(300),
        }
    }
}
