//! What is told of connections that don't come about.

use std::{fmt, io, net::SocketAddr, sync::Arc};

use tracing::{debug, warn};

use crate::{auth::Audit, telemetry::Metrics};

/// Why a connection was closed before a call could be made: what metrics count such
/// connections by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConnectionRefusal {
    /// As many connections are open as may be.
    Full,
    /// The peer took too long.
    HandshakeTimeout,
    /// TLS didn't come about.
    Tls,
    /// The socket gives no connection.
    Accept,
}

impl ConnectionRefusal {
    /// Every reason there is.
    pub(crate) const ALL: [Self; 4] = [Self::Full, Self::HandshakeTimeout, Self::Tls, Self::Accept];

    /// What metrics call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::HandshakeTimeout => "handshake_timeout",
            Self::Tls => "tls",
            Self::Accept => "accept",
        }
    }
}

/// Counts connections that one listener refuses, and tells of them.
#[derive(Debug)]
pub(super) struct Refusals {
    /// What the log calls the listener.
    listener: &'static str,
    metrics: Arc<Metrics>,
    full: Audit,
    late: Audit,
    tls: Audit,
    failed: Audit,
}

impl Refusals {
    pub(super) fn new(listener: &'static str, metrics: Arc<Metrics>) -> Self {
        Self {
            listener,
            metrics,
            full: Audit::new(),
            late: Audit::new(),
            tls: Audit::new(),
            failed: Audit::new(),
        }
    }

    /// There are as many connections as there may be.
    pub(super) fn full(&self, peer: SocketAddr, limit: usize) {
        self.metrics.connection_refused(ConnectionRefusal::Full);
        let reason = format_args!("{limit} open; expected at most {limit}");
        self.tell(&self.full, peer, &reason);
    }

    /// The peer took too long.
    pub(super) fn late(&self, peer: SocketAddr) {
        self.metrics
            .connection_refused(ConnectionRefusal::HandshakeTimeout);
        self.tell(&self.late, peer, &"no HTTP/2 in time");
    }

    /// TLS didn't come about.
    pub(super) fn tls(&self, peer: SocketAddr, error: &io::Error) {
        self.metrics.connection_refused(ConnectionRefusal::Tls);
        // Load balancers and port scanners do no more than connect.
        if error.kind() == io::ErrorKind::UnexpectedEof {
            debug!(listener = self.listener, %peer, "connection closed in its handshake");
        } else {
            self.tell(&self.tls, peer, error);
        }
    }

    /// The socket gives no connection.
    pub(super) fn cannot_accept(&self, error: &io::Error) {
        self.metrics.connection_refused(ConnectionRefusal::Accept);
        if let Some(untold) = self.failed.line() {
            warn!(
                listener = self.listener,
                untold, "can't take connections: {error}"
            );
        }
    }

    fn tell(&self, audit: &Audit, peer: SocketAddr, reason: &dyn fmt::Display) {
        if let Some(untold) = audit.line() {
            warn!(listener = self.listener, %peer, untold, "connection refused: {reason}");
        }
    }
}
