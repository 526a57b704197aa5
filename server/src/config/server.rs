//! Where and how to listen.

use std::{net::SocketAddr, num::NonZeroUsize, path::PathBuf, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{address, duration};

/// `[server]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// The address to listen on; port 0 takes a free one. One that other machines
    /// reach needs `[tls]`, or `allow_plaintext`. Default: `127.0.0.1:50051`, this
    /// machine alone.
    #[serde(deserialize_with = "address::deserialize")]
    pub listen: SocketAddr,
    /// A file that the bound port is written to, in decimal. Default: none.
    #[schemars(example = &"/run/ser-server/port")]
    pub port_file: Option<PathBuf>,
    /// Whether `listen` may be an address that other machines reach although there
    /// is no `[tls]`: where a gateway or a service mesh in front of the server
    /// encrypts. Default: false.
    pub allow_plaintext: bool,
    /// Connections open at once, each with a file descriptor. Further ones are
    /// closed as they come. There may be as many calls without audio, and
    /// as many watches of health. Default: 10000.
    pub connections: NonZeroUsize,
    /// How long a connection may take to become one: TLS, and the first bytes of
    /// HTTP/2. Default: 10 s.
    #[serde(with = "duration::Positive")]
    pub handshake: Duration,
    /// A connection without a call is closed after this long, so that its place is free
    /// for others. A call of any service counts, as long as it is open. On the listener
    /// of probes it is 5 s at most. Default: 10 min.
    #[serde(with = "duration::Positive")]
    pub idle_connection: Duration,
    /// HTTP/2 streams that one connection may have open. Default: 1024.
    #[schemars(range(min = 1))]
    pub streams_per_connection: u32,
    /// A connection without traffic is asked whether it still lives after this
    /// long. Default: 30 s.
    #[serde(with = "duration::Positive")]
    pub keepalive_interval: Duration,
    /// A connection that doesn't answer that for so long is closed. Default:
    /// 20 s.
    #[serde(with = "duration::Positive")]
    pub keepalive_timeout: Duration,
    /// How long open streams may go on when the server stops. Default: 20 s.
    #[serde(with = "duration::OrZero")]
    pub drain: Duration,
}

impl Default for ServerConfig {
    fn default() -> Self {
        const CONNECTIONS: NonZeroUsize = NonZeroUsize::new(10_000).expect("not zero");
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 50051)),
            port_file: None,
            allow_plaintext: false,
            connections: CONNECTIONS,
            handshake: Duration::from_secs(10),
            idle_connection: Duration::from_secs(600),
            streams_per_connection: 1024,
            keepalive_interval: Duration::from_secs(30),
            keepalive_timeout: Duration::from_secs(20),
            drain: Duration::from_secs(20),
        }
    }
}
