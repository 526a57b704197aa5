//! All connections of a client.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use tokio::{task::JoinSet, time::Instant};

use super::{
    Connection, Resolver, address::Address, names::Names, retry::retry, rotation::Rotation,
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
    /// Keeps the rotation up to date, and ends with the pool.
    _following: JoinSet<()>,
}

impl Pool {
    /// Resolves the names of `servers`, each `http://HOST:PORT`, within `limit`.
    /// Later makes `connections` at most to each IP address behind them.
    ///
    /// # Errors
    ///
    /// [`Error::Address`], and [`Error::Unreachable`] when no name leads anywhere.
    pub(crate) async fn new(
        servers: &[String],
        connections: NonZeroUsize,
        resolver: Arc<dyn Resolver>,
        limit: Duration,
    ) -> Result<Self, Error> {
        let addresses = servers.iter().map(|server| Address::parse(server));
        let mut names = Names::new(addresses.collect::<Result<_, _>>()?, resolver);
        names.resolve(GRACE.min(limit / 2), limit).await?;
        let written = names.written();
        let rotation = Arc::new(Rotation::new(connections));
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
    /// [`Error::Unreachable`] when none can be reached.
    pub(crate) async fn connection(&self, limit: Duration) -> Result<Connection, Error> {
        let start = Instant::now();
        let peers = self.rotation.next();
        let mut reasons = Vec::new();
        for (position, peer) in peers.iter().enumerate() {
            let shares = u32::try_from(peers.len() - position).unwrap_or(u32::MAX);
            let left = limit.saturating_sub(start.elapsed());
            match peer.connection(left / shares).await {
                Ok(connection) => return Ok(connection),
                Err(reason) => reasons.push(reason),
            }
        }
        reasons.sort_unstable();
        reasons.dedup();
        Err(Error::Unreachable {
            address: match peers.as_slice() {
                [only] => only.name.clone(),
                _ => self.written.clone(),
            },
            reason: reasons.join("; "),
        })
    }
}
