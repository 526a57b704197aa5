//! The servers, and whose turn it is.

use std::{
    net::SocketAddr,
    num::NonZeroUsize,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::Notify;

use super::{address::Address, peer::Peer, security::Credentials};

/// Calls go round the servers that work.
#[derive(Debug)]
pub(super) struct Rotation {
    peers: RwLock<Arc<[Arc<Peer>]>>,
    turn: AtomicUsize,
    /// To each server.
    connections: NonZeroUsize,
    credentials: Arc<Credentials>,
    /// Notified when a server fails.
    pub(super) trouble: Arc<Notify>,
}

impl Rotation {
    pub(super) fn new(connections: NonZeroUsize, credentials: Arc<Credentials>) -> Self {
        Self {
            peers: RwLock::new(Arc::new([])),
            // Many clients that start alike must not all meet at one server.
            turn: AtomicUsize::new(fastrand::usize(..)),
            connections,
            credentials,
            trouble: Arc::default(),
        }
    }

    /// Puts `servers` in place of those before. What they have in common keeps its
    /// connections; calls on others go on.
    pub(super) fn update(&self, servers: &[(SocketAddr, &Address)]) {
        let mut peers = self.peers.write().unwrap_or_else(PoisonError::into_inner);
        let known = |ip| peers.iter().find(|peer| peer.ip == ip).cloned();
        let updated = servers.iter().map(|&(ip, address)| {
            known(ip).unwrap_or_else(|| {
                let trouble = Arc::clone(&self.trouble);
                let credentials = &self.credentials;
                let peer = Peer::new(address, ip, self.connections, trouble, credentials);
                Arc::new(peer)
            })
        });
        *peers = updated.collect();
    }

    /// Every server, in the order in which to try them: first those that work,
    /// beginning with the one whose turn it is; the resting ones as a last resort.
    pub(super) fn next(&self) -> Vec<Arc<Peer>> {
        let peers = self.peers();
        let mut order = Vec::with_capacity(peers.len());
        let mut resting = Vec::new();
        for peer in peers.iter().cloned() {
            match peer.resting() {
                None => order.push(peer),
                Some(until) => resting.push((until, peer)),
            }
        }
        if !order.is_empty() {
            let turn = self.turn.fetch_add(1, Ordering::Relaxed) % order.len();
            order.rotate_left(turn);
        }
        resting.sort_by_key(|(until, _)| *until);
        order.extend(resting.into_iter().map(|(_, peer)| peer));
        order
    }

    /// How long all servers rest; 0 when one doesn't.
    pub(super) fn until_awake(&self) -> Duration {
        let peers = self.peers();
        let left = peers.iter().map(|peer| peer.rest_left());
        left.min().unwrap_or_default()
    }

    fn peers(&self) -> Arc<[Arc<Peer>]> {
        Arc::clone(&self.peers.read().unwrap_or_else(PoisonError::into_inner))
    }
}
