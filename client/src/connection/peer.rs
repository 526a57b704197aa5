//! One IP address of a server, with its connections.

use std::{
    net::SocketAddr,
    num::NonZeroUsize,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::HeaderValue;
use tokio::{
    sync::{Notify, OnceCell},
    time::{Instant, timeout},
};
use tonic::transport::{Channel, Endpoint};

use super::{
    address::Address,
    calls::Calls,
    connector::{Connector, PATIENCE},
    rest::Rest,
    security::Credentials,
    tls::TlsFault,
};
use crate::error::{cause, root_cause};

/// How often a connection with open calls is probed, and how long the probe may
/// take: a machine that vanished without a word is noticed after twice this.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// A connection, made by whoever needs it first.
type Slot = Arc<OnceCell<Line>>;

/// A connection, and what makes it anew.
#[derive(Debug, Clone)]
struct Line {
    channel: Channel,
    connector: Connector,
}

/// Why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum NoConnection {
    /// What is wrong with TLS, which a new attempt doesn't mend.
    Tls(TlsFault),
    /// What the network said.
    Network(String),
}

/// A server that calls can go to.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) ip: SocketAddr,
    /// How messages call it.
    pub(super) name: String,
    is_secure: bool,
    endpoint: Endpoint,
    credentials: Arc<Credentials>,
    connector: Connector,
    slots: Box<[Mutex<Slot>]>,
    turn: AtomicUsize,
    rest: Mutex<Rest>,
    /// Told of failures: there may be other servers by now.
    trouble: Arc<Notify>,
}

impl Peer {
    pub(super) fn new(
        address: &Address,
        ip: SocketAddr,
        connections: NonZeroUsize,
        trouble: Arc<Notify>,
        credentials: &Arc<Credentials>,
    ) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{ip}"))
            .expect("an IP address with a port makes an URL")
            .origin(address.origin.clone())
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE);
        Self {
            ip,
            name: address.name_of(ip),
            is_secure: address.is_secure(),
            endpoint,
            credentials: Arc::clone(credentials),
            connector: credentials.connector(address, ip),
            slots: (0..connections.get()).map(|_| Mutex::default()).collect(),
            turn: AtomicUsize::new(0),
            rest: Mutex::new(Rest::new()),
            trouble,
        }
    }

    /// Whether whoever is on the way to this server could read the token.
    pub(super) fn shows_token(&self) -> bool {
        self.credentials.shows_token(self.is_secure, self.ip)
    }

    /// The connection whose turn it is, made within `limit` if it isn't yet. Its calls
    /// say `authorization`.
    pub(super) async fn connection(
        self: &Arc<Self>,
        limit: Duration,
        authorization: Option<HeaderValue>,
    ) -> Result<Connection, NoConnection> {
        let index = self.turn.fetch_add(1, Ordering::Relaxed) % self.slots.len();
        let slot = Arc::clone(&lock(&self.slots[index]));
        let limit = limit.min(PATIENCE);
        let reason = match timeout(limit, slot.get_or_try_init(|| self.connect())).await {
            Ok(Ok(line)) => {
                self.rest().end();
                return Ok(Connection {
                    line: line.clone(),
                    authorization,
                    peer: Arc::clone(self),
                    index,
                    slot: Arc::clone(&slot),
                });
            }
            Ok(Err(error)) => match cause::<TlsFault>(&error) {
                Some(fault) => NoConnection::Tls(fault.clone()),
                None => NoConnection::Network(root_cause(&error).to_string()),
            },
            Err(_) => NoConnection::Network(format!("no connection within {limit:.1?}")),
        };
        self.failed(Duration::ZERO);
        Err(reason)
    }

    async fn connect(&self) -> Result<Line, tonic::transport::Error> {
        // Of its own, for what it notes is of one connection.
        let connector = self.connector.with_own_note();
        let channel = self.endpoint.connect_with_connector(connector.clone());
        Ok(Line {
            channel: channel.await?,
            connector,
        })
    }

    /// Until when to prefer others, if at all. Once that is over, sees whether the
    /// server is back.
    pub(super) fn resting(self: &Arc<Self>) -> Option<Instant> {
        let mut rest = self.rest();
        if rest.take_over(Instant::now()) {
            let peer = Arc::clone(self);
            tokio::spawn(async move { peer.connection(PATIENCE, None).await.is_ok() });
        }
        rest.until()
    }

    /// For how much longer to prefer others.
    pub(super) fn rest_left(&self) -> Duration {
        let left = |until: Instant| until.saturating_duration_since(Instant::now());
        self.rest().until().map_or(Duration::ZERO, left)
    }

    fn failed(&self, at_least: Duration) {
        self.rest().begin(Instant::now(), at_least);
        self.trouble.notify_one();
    }

    fn rest(&self) -> MutexGuard<'_, Rest> {
        lock(&self.rest)
    }
}

/// What a call is made on.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    line: Line,
    authorization: Option<HeaderValue>,
    peer: Arc<Peer>,
    index: usize,
    slot: Slot,
}

impl Connection {
    /// How messages call the server at the other end.
    pub(crate) fn server(&self) -> &str {
        &self.peer.name
    }

    /// What calls are made on.
    pub(crate) fn channel(&self) -> Calls {
        Calls {
            channel: self.line.channel.clone(),
            authorization: self.authorization.clone(),
        }
    }

    /// What is wrong with the connection's TLS, if it is that which broke it.
    pub(super) fn fault(&self) -> Option<TlsFault> {
        self.line.connector.fault()
    }

    /// The server has answered as it should.
    pub(super) fn works(&self) {
        self.peer.rest().forget();
    }

    /// The server can't serve now, and perhaps not for `at_least` so long.
    pub(crate) fn rest(&self, at_least: Duration) {
        self.peer.failed(at_least);
    }

    /// No further call is made on this connection, and none to the server for
    /// `at_least` so long, if there are others.
    pub(super) fn give_up(&self, at_least: Duration) {
        let mut slot = lock(&self.peer.slots[self.index]);
        // Of many calls on it, the first to fail says so.
        if Arc::ptr_eq(&slot, &self.slot) {
            *slot = Slot::default();
            self.peer.failed(at_least);
        }
    }
}

/// What is locked here is never left half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
