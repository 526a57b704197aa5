//! From sockets to connections that calls come in on: how many there may be, how long
//! they may take to come about, and who is at their other ends.

mod acceptor;
mod calls;
mod connection;
mod credentials;
mod idle;
mod preface;
mod refusals;
mod socket;
pub(crate) mod tls;

use std::{
    convert::Infallible,
    num::NonZeroUsize,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{net::TcpListener, sync::mpsc};
use tokio_stream::Stream;
use tokio_util::task::AbortOnDropHandle;

use acceptor::Acceptor;
pub(crate) use calls::{Calls, Counted};
pub(crate) use connection::{Connection, Peer};
pub(crate) use credentials::Credentials;
pub(crate) use refusals::ConnectionRefusal;
pub(crate) use tls::{Identity, TlsFiles};

use crate::{reload::Reloaded, telemetry::Metrics};

/// Connections that are ready, and that nobody has taken yet.
const READY: usize = 64;

/// What a listener lets in.
#[derive(Debug)]
pub(crate) struct Admittance {
    /// What the log calls the listener.
    pub(crate) name: &'static str,
    /// Connections open at once.
    pub(crate) connections: NonZeroUsize,
    /// How long one may take to come about.
    pub(crate) handshake: Duration,
    /// How long one may stay open without a call.
    pub(crate) idle: Duration,
    /// What TLS is spoken with, if it is.
    pub(crate) identity: Option<Arc<Reloaded<Identity>>>,
    pub(crate) metrics: Arc<Metrics>,
}

/// The connections of a listener. Once this is dropped nobody listens there any more;
/// connections that were given out go on.
#[derive(Debug)]
pub(crate) struct Incoming {
    ready: mpsc::Receiver<Connection>,
    _acceptor: AbortOnDropHandle<()>,
}

impl Incoming {
    /// Begins to take connections.
    pub(crate) fn new(listener: TcpListener, admittance: Admittance) -> Self {
        let (found, ready) = mpsc::channel(READY);
        let acceptor = Acceptor::new(listener, admittance, found);
        Self {
            ready,
            _acceptor: AbortOnDropHandle::new(tokio::spawn(acceptor.run())),
        }
    }
}

impl Stream for Incoming {
    type Item = Result<Connection, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.ready.poll_recv(context).map(|ready| ready.map(Ok))
    }
}

#[cfg(test)]
mod tests;
