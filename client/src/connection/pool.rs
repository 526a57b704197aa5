//! All connections of a client.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use tokio::{task::JoinSet, time::Instant};

use super::{
    Connection, Resolver, Security,
    address::Address,
    names::Names,
    peer::{NoConnection, Peer},
    retry::retry,
    rotation::Rotation,
    security::Credentials,
};
use crate::Error;

/// How long one name may hold up the servers behind the others.
const GRACE: Duration = Duration::from_secs(1);

/// Connections to every server that a client knows, each made when it is needed.
#[derive(Debug)]
pub(crate) struct Pool {
    /// The servers as the user named them.
    written: String,
    rotation: Arc<Rotation>,
    credentials: Arc<Credentials>,
    /// Keeps the rotation up to date, and ends with the pool.
    _following: JoinSet<()>,
}

impl Pool {
    /// Resolves the names of `servers`, each `http://HOST:PORT`, within `limit`.
    /// Later makes `connections` at most to each IP address behind them.
    ///
    /// # Errors
    ///
    /// [`Error::Address`], [`Error::Credential`], and [`Error::Unreachable`] when no
    /// name leads anywhere.
    pub(crate) async fn new(
        servers: &[String],
        security: Security,
        connections: NonZeroUsize,
        resolver: Arc<dyn Resolver>,
        limit: Duration,
    ) -> Result<Self, Error> {
        let addresses = servers.iter().map(|server| Address::parse(server));
        let addresses: Vec<_> = addresses.collect::<Result<_, _>>()?;
        let credentials = Arc::new(Credentials::new(security, &addresses).await?);
        let mut names = Names::new(addresses, resolver);
        names.resolve(GRACE.min(limit / 2), limit).await?;
        let written = names.written();
        let rotation = Arc::new(Rotation::new(connections, Arc::clone(&credentials)));
        rotation.update(&names.servers());
        if !names.all_known() {
            rotation.trouble.notify_one();
        }
        let mut following = JoinSet::new();
        if names.can_change() {
            following.spawn(names.follow(Arc::clone(&rotation)));
        }
        Ok(Self {
            written,
            rotation,
            credentials,
            _following: following,
        })
    }

    /// Makes `attempt` again while it fails in a way that may pass, as long as another
    /// one can begin within `limit`, of which each is told what is left.
    pub(crate) async fn retry<T, F>(
        &self,
        limit: Duration,
        attempt: impl FnMut(Duration) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        retry(limit, || self.rotation.until_awake(), attempt).await
    }

    /// A connection to the server whose turn it is, within `limit`. One that can't
    /// be reached is passed over, and the time that is left shared among the others.
    ///
    /// # Errors
    ///
    /// [`Error::Unreachable`] when none can be reached, [`Error::Tls`] when with none
    /// of them TLS comes about, [`Error::Credential`], and [`Error::TokenInClear`].
    pub(crate) async fn connection(&self, limit: Duration) -> Result<Connection, Error> {
        let start = Instant::now();
        // As it is now: another may have taken its place.
        let authorization = self.credentials.authorization().await?;
        let peers = self.rotation.next();
        let mut reasons = Vec::new();
        for (position, peer) in peers.iter().enumerate() {
            if peer.shows_token() {
                let address = peer.name.clone();
                return Err(Error::TokenInClear { address });
            }
            let shares = u32::try_from(peers.len() - position).unwrap_or(u32::MAX);
            let left = limit.saturating_sub(start.elapsed());
            let connection = peer.connection(left / shares, authorization.clone());
            match connection.await {
                Ok(connection) => return Ok(connection),
                Err(reason) => reasons.push(reason),
            }
        }
        Err(self.no_connection(&peers, reasons))
    }

    /// What `reasons`, one for each of `peers`, come to.
    fn no_connection(&self, peers: &[Arc<Peer>], mut reasons: Vec<NoConnection>) -> Error {
        reasons.sort_unstable();
        reasons.dedup();
        let address = match peers {
            [only] => only.name.clone(),
            _ => self.written.clone(),
        };
        if let [NoConnection::Tls(fault)] = &reasons[..] {
            let fault = fault.clone();
            return Error::Tls { address, fault };
        }
        let reasons = reasons.into_iter().map(|reason| match reason {
            NoConnection::Tls(fault) => fault.to_string(),
            NoConnection::Network(said) => said,
        });
        Error::Unreachable {
            address,
            reason: reasons.collect::<Vec<_>>().join("; "),
        }
    }
}
