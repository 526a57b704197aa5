//! The task that takes connections off a socket.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc},
    task::JoinSet,
    time::{Instant, sleep, timeout, timeout_at},
};
use tokio_rustls::TlsAcceptor;

use super::{
    Admittance, Calls, Connection, Identity, Peer, connection::Place, refusals::Refusals,
    socket::Socket, tls::H2,
};
use crate::auth::ClientCertificate;

/// After an error that the next attempt would meet again, such as too many open files.
const PAUSE: Duration = Duration::from_millis(100);

/// How long a peer may take to hear that its handshake failed.
const GOODBYE: Duration = Duration::from_secs(1);

pub(super) struct Acceptor {
    listener: TcpListener,
    admittance: Admittance,
    places: Arc<Semaphore>,
    ready: mpsc::Sender<Connection>,
    refusals: Arc<Refusals>,
}

impl Acceptor {
    pub(super) fn new(
        listener: TcpListener,
        admittance: Admittance,
        ready: mpsc::Sender<Connection>,
    ) -> Self {
        let places = admittance.connections.get().min(Semaphore::MAX_PERMITS);
        let metrics = Arc::clone(&admittance.metrics);
        Self {
            listener,
            places: Arc::new(Semaphore::new(places)),
            ready,
            refusals: Arc::new(Refusals::new(admittance.name, metrics)),
            admittance,
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
    fn place(&self, address: SocketAddr) -> Option<Place> {
        match Arc::clone(&self.places).try_acquire_owned() {
            Ok(permit) => Some(Place {
                _permit: permit,
                _counted: self.admittance.metrics.connection_opened(),
            }),
            Err(_) => {
                let limit = self.admittance.connections.get();
                self.refusals.full(address, limit);
                None
            }
        }
    }

    /// Makes a connection of a socket, and gives it to whoever serves it.
    fn handshake(
        &self,
        stream: TcpStream,
        address: SocketAddr,
        place: Place,
    ) -> impl Future<Output = ()> + use<> {
        let deadline = Instant::now() + self.admittance.handshake;
        let idle = self.admittance.idle;
        let identity = self.admittance.identity.as_ref().map(|it| it.now());
        let ready = self.ready.clone();
        let refusals = Arc::clone(&self.refusals);
        async move {
            // Results are small and can't wait. Without it they are late, and no worse.
            let _ = stream.set_nodelay(true);
            let (socket, certificate) = match timeout_at(deadline, secure(stream, identity)).await {
                Ok(Ok(secured)) => secured,
                Ok(Err(error)) => return refusals.tls(address, &error),
                Err(_) => return refusals.late(address),
            };
            let certificate = certificate.map(Arc::new);
            let peer = Peer {
                address,
                certificate,
                calls: Calls::new(),
            };
            let connection = Connection::new(socket, peer, deadline, idle, refusals, place);
            // Nobody takes it any more when the server stops.
            let _ = ready.send(connection).await;
        }
    }

    /// Waits for what may pass: without a pause, an error that stays would take a
    /// core for itself.
    async fn cannot_accept(&self, error: &io::Error) {
        if !is_of_one_connection(error) {
            self.refusals.cannot_accept(error);
            sleep(PAUSE).await;
        }
    }
}

/// Speaks TLS on `stream`, if it is to be spoken, and gives what certificate the peer
/// has.
async fn secure(
    stream: TcpStream,
    identity: Option<Arc<Identity>>,
) -> io::Result<(Socket, Option<ClientCertificate>)> {
    let Some(identity) = identity else {
        return Ok((Socket::Plain(stream), None));
    };
    let acceptor = TlsAcceptor::from(Arc::clone(&identity.config));
    let stream = match acceptor.accept(stream).into_fallible().await {
        Ok(stream) => stream,
        Err((error, stream)) => {
            say_goodbye(stream).await;
            return Err(error);
        }
    };
    let (_, session) = stream.get_ref();
    // Whoever doesn't say so might speak something else, and mean another server.
    if session.alpn_protocol() != Some(H2) {
        return Err(io::Error::other("no HTTP/2 asked for by ALPN; expected h2"));
    }
    let certificate = session.peer_certificates().and_then(ClientCertificate::new);
    Ok((Socket::Tls(Box::new(stream)), certificate))
}

/// Lets the peer read the alert that says what was wrong: a socket that is closed with
/// unread bytes takes back what it has sent.
async fn say_goodbye(mut stream: TcpStream) {
    let heard = async {
        stream.shutdown().await?;
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await
    };
    // It may have gone, or go on for ever; either way this was the last word.
    let _ = timeout(GOODBYE, heard).await;
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
