//! Whom limits are counted for.

use std::net::SocketAddr;

use tonic::Extensions;

use crate::{auth::Principal, listen::Peer};

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
        Self {
            principal: Principal::of(extensions),
            connection: extensions.get::<Peer>().map(|peer| peer.address),
        }
    }
}
