//! Whom limits are counted for.

use std::net::SocketAddr;

use tonic::{Extensions, transport::server::TcpConnectInfo};

use crate::auth::Principal;

/// Who asks, and over which connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) principal: Principal,
    /// The client's end of the connection, which names it among the open ones.
    /// `None` of a call that came over no network.
    pub(crate) connection: Option<SocketAddr>,
}

impl Caller {
    /// The caller of a request with these extensions.
    pub(crate) fn of(extensions: &Extensions) -> Self {
        let connection = extensions.get::<TcpConnectInfo>();
        Self {
            principal: Principal::of(extensions),
            connection: connection.and_then(TcpConnectInfo::remote_addr),
        }
    }
}
