//! Where operators load and unload models.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{TlsConfig, address, duration};

/// `[admin]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AdminConfig {
    /// The address of the admin service, which has a listener of its own; port 0
    /// takes a free one. One that other machines reach needs `[admin.tls]`, and
    /// `admin.tokens` or `admin.tls.client_ca`. Default: none, there is no admin
    /// service, since anybody who reaches it may take models away.
    #[serde(deserialize_with = "address::deserialize")]
    #[schemars(example = &"127.0.0.1:50052")]
    pub listen: Option<SocketAddr>,
    /// A file that the bound port is written to, in decimal. Default: none.
    #[schemars(example = &"/run/ser-server/admin-port")]
    pub port_file: Option<PathBuf>,
    /// The file of operators' tokens, as `auth.tokens` is that of everybody else's.
    /// Default: none, operators need no token.
    #[schemars(example = &"/etc/ser-server/admin-tokens.toml")]
    pub tokens: Option<PathBuf>,
    /// How long a call waits for its turn, and then for a model to be loaded. One
    /// that takes longer is refused. Default: 5 min.
    #[serde(with = "duration::Positive")]
    pub deadline: Duration,
    /// `[admin.tls]`: the listener's certificate, and those of operators. Default:
    /// none, there is no TLS.
    pub tls: TlsConfig,
}

impl Default for AdminConfig {
    fn default() -> Self {
        Self {
            listen: None,
            port_file: None,
            tokens: None,
            deadline: Duration::from_secs(300),
            tls: TlsConfig::default(),
        }
    }
}
