//! What is told of connections that don't come about.

use std::{fmt, io, net::SocketAddr, sync::Arc};

use tracing::{debug, warn};

use crate::{auth::Audit, telemetry::Metrics};

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
        self.metrics.connection_refused("full");
        let reason = format_args!("{limit} open; expected at most {limit}");
        self.tell(&self.full, peer, &reason);
    }

    /// The peer took too long.
    pub(super) fn late(&self, peer: SocketAddr) {
        self.metrics.connection_refused("handshake_timeout");
        self.tell(&self.late, peer, &"no HTTP/2 in time");
    }

    /// TLS didn't come about.
    pub(super) fn tls(&self, peer: SocketAddr, error: &io::Error) {
        self.metrics.connection_refused("tls");
        // Load balancers and port scanners do no more than connect.
        if error.kind() == io::ErrorKind::UnexpectedEof {
            debug!(listener = self.listener, %peer, "connection closed in its handshake");
        } else {
            self.tell(&self.tls, peer, error);
        }
    }

    /// The socket gives no connection.
    pub(super) fn cannot_accept(&self, error: &io::Error) {
        self.metrics.connection_refused("accept");
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
