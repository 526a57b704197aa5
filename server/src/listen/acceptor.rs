//! The task that takes connections off a socket.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::JoinSet,
    time::{Instant, sleep},
};
use tracing::warn;

use super::{Admittance, Connection, Peer};
use crate::auth::Audit;

/// After an error that the next attempt would meet again, such as too many open files.
const PAUSE: Duration = Duration::from_millis(100);

pub(super) struct Acceptor {
    listener: TcpListener,
    admittance: Admittance,
    places: Arc<Semaphore>,
    ready: mpsc::Sender<Connection>,
    full: Audit,
    failed: Audit,
}

impl Acceptor {
    pub(super) fn new(
        listener: TcpListener,
        admittance: Admittance,
        ready: mpsc::Sender<Connection>,
    ) -> Self {
        let places = admittance.connections.get().min(Semaphore::MAX_PERMITS);
        Self {
            listener,
            admittance,
            places: Arc::new(Semaphore::new(places)),
            ready,
            full: Audit::new(),
            failed: Audit::new(),
        }
    }

    /// Takes connections for ever. Those that are coming about when this is dropped
    /// are closed.
    pub(super) async fn run(self) {
        // One task each, so that a slow handshake holds nobody up; as many at most as
        // there are places.
        let mut handshakes = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, address)) => {
                        if let Some(place) = self.place(address) {
                            handshakes.spawn(self.handshake(stream, address, place));
                        }
                    }
                    Err(error) => self.cannot_accept(&error).await,
                },
                Some(_) = handshakes.join_next() => {}
            }
        }
    }

    /// A place among the open connections, unless all are taken.
    fn place(&self, address: SocketAddr) -> Option<OwnedSemaphorePermit> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok();
        if place.is_none()
            && let Some(untold) = self.full.line()
        {
            warn!(
                listener = self.admittance.name,
                peer = %address,
                untold,
                "connection refused: {limit} open; expected at most {limit}",
                limit = self.admittance.connections,
            );
        }
        place
    }

    /// Makes a connection of a socket, and gives it to whoever serves it.
    fn handshake(
        &self,
        stream: TcpStream,
        address: SocketAddr,
        place: OwnedSemaphorePermit,
    ) -> impl Future<Output = ()> + use<> {
        let deadline = Instant::now() + self.admittance.handshake;
        let ready = self.ready.clone();
        async move {
            // Results are small and can't wait. Without it they are late, and no worse.
            let _ = stream.set_nodelay(true);
            let peer = Peer { address };
            // Nobody takes it any more when the server stops.
            let _ = ready
                .send(Connection::new(stream, peer, deadline, place))
                .await;
        }
    }

    /// Waits for what may pass: without a pause, an error that stays would take a
    /// core for itself.
    async fn cannot_accept(&self, error: &io::Error) {
        if is_of_one_connection(error) {
            return;
        }
        if let Some(untold) = self.failed.line() {
            let listener = self.admittance.name;
            warn!(listener, untold, "can't take connections: {error}");
        }
        sleep(PAUSE).await;
    }
}

/// Whether `error` tells of a peer that has gone again, and not of the socket.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}
