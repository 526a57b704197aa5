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

use tokio::{
    sync::{Notify, OnceCell},
    time::{Instant, timeout},
};
use tonic::transport::{Channel, Endpoint};

use super::{address::Address, rest::Rest};
use crate::error::root_cause;

/// How often a connection with open calls is probed, and how long the probe may
/// take: a machine that vanished without a word is noticed after twice this.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// How long one attempt to connect may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A connection, made by whoever needs it first.
type Slot = Arc<OnceCell<Channel>>;

/// A server that calls can go to.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) ip: SocketAddr,
    /// How messages call it.
    pub(super) name: String,
    endpoint: Endpoint,
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
    ) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{ip}"))
            .expect("an IP address with a port makes an URL")
            .origin(address.origin.clone())
            .connect_timeout(PATIENCE)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE);
        Self {
            ip,
            name: address.name_of(ip),
            endpoint,
            slots: (0..connections.get()).map(|_| Mutex::default()).collect(),
            turn: AtomicUsize::new(0),
            rest: Mutex::new(Rest::new()),
            trouble,
        }
    }

    /// The connection whose turn it is, made within `limit` if it isn't yet; or
    /// what the network said.
    pub(super) async fn connection(
        self: &Arc<Self>,
        limit: Duration,
    ) -> Result<Connection, String> {
        let index = self.turn.fetch_add(1, Ordering::Relaxed) % self.slots.len();
        let slot = Arc::clone(&lock(&self.slots[index]));
        let limit = limit.min(PATIENCE);
        let connect = || self.endpoint.connect();
        let reason = match timeout(limit, slot.get_or_try_init(connect)).await {
            Ok(Ok(channel)) => {
                self.rest().end();
                return Ok(Connection {
                    channel: channel.clone(),
                    peer: Arc::clone(self),
                    index,
                    slot: Arc::clone(&slot),
                });
            }
            Ok(Err(error)) => root_cause(&error).to_string(),
            Err(_) => format!("no connection within {limit:.1?}"),
        };
        self.failed(Duration::ZERO);
        Err(reason)
    }

    /// Until when to prefer others, if at all. Once that is over, sees whether the
    /// server is back.
    pub(super) fn resting(self: &Arc<Self>) -> Option<Instant> {
        let mut rest = self.rest();
        if rest.take_over(Instant::now()) {
            let peer = Arc::clone(self);
            tokio::spawn(async move { peer.connection(PATIENCE).await.is_ok() });
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
    pub(super) channel: Channel,
    peer: Arc<Peer>,
    index: usize,
    slot: Slot,
}

impl Connection {
    /// How messages call the server at the other end.
    pub(crate) fn server(&self) -> &str {
        &self.peer.name
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
