//! Keeping up with where host names lead.

use std::{io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::{
    select,
    time::{sleep, timeout},
};

use super::{
    Resolver,
    address::{Address, Host},
    rotation::Rotation,
};
use crate::Error;

/// How long a name may take to be resolved again.
const LIMIT: Duration = Duration::from_secs(5);

/// How often names are resolved again while all is well.
const INTERVAL: Duration = Duration::from_secs(30);

/// Whatever fails, names are resolved no more often than this.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);

/// What the user named, and the IP addresses behind it.
#[derive(Debug)]
pub(super) struct Names {
    resolver: Arc<dyn Resolver>,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    address: Address,
    /// As last known, in ascending order.
    ips: Vec<SocketAddr>,
}

impl Names {
    pub(super) fn new(addresses: Vec<Address>, resolver: Arc<dyn Resolver>) -> Self {
        let entries = addresses.into_iter().map(Entry::new).collect();
        Self { resolver, entries }
    }

    /// What the user named, for messages.
    pub(super) fn written(&self) -> String {
        let written = self.entries.iter().map(|e| e.address.written.as_str());
        written.collect::<Vec<_>>().join(", ")
    }

    /// Whether there is anything to keep up with.
    pub(super) fn can_change(&self) -> bool {
        let host = |entry: &Entry| matches!(entry.address.host, Host::Name { .. });
        self.entries.iter().any(host)
    }

    /// Every IP address once, with the address that it belongs to.
    pub(super) fn servers(&self) -> Vec<(SocketAddr, &Address)> {
        let mut servers: Vec<(SocketAddr, &Address)> = Vec::new();
        for entry in &self.entries {
            for &ip in &entry.ips {
                if servers.iter().all(|(known, _)| *known != ip) {
                    servers.push((ip, &entry.address));
                }
            }
        }
        servers
    }

    /// Whether every name has led somewhere.
    pub(super) fn all_known(&self) -> bool {
        self.entries.iter().all(|entry| !entry.ips.is_empty())
    }

    /// Resolves names within `limit`: all of them within `all`, later only until there
    /// is any IP address. A name that isn't resolved keeps the IP addresses that it had.
    ///
    /// # Errors
    ///
    /// [`Error::Unreachable`] when there is no IP address at all.
    pub(super) async fn resolve(&mut self, all: Duration, limit: Duration) -> Result<(), Error> {
        let resolver = self.resolver.as_ref();
        let mut any = self.entries.iter().any(|entry| !entry.ips.is_empty());
        let resolutions = self.entries.iter_mut().map(|e| e.resolve(resolver, limit));
        let mut resolutions: FuturesUnordered<_> = resolutions.collect();
        let mut reason = None;
        let mut enough = pin!(sleep(all));
        loop {
            select! {
                biased;
                resolved = resolutions.next() => match resolved {
                    Some(Ok(())) => any = true,
                    Some(Err(said)) => reason = reason.or(Some(said)),
                    None => break,
                },
                () = &mut enough, if any => break,
            }
        }
        drop(resolutions);
        if any {
            return Ok(());
        }
        Err(Error::Unreachable {
            address: self.written(),
            reason: reason.unwrap_or_else(|| "no server was named".to_owned()),
        })
    }

    /// Keeps `rotation` up to date: looks every [`INTERVAL`], and soon after a
    /// failure.
    pub(super) async fn follow(mut self, rotation: Arc<Rotation>) {
        loop {
            sleep(SHORTEST_INTERVAL).await;
            // Either end of this wait is a reason to look.
            let _ = timeout(INTERVAL - SHORTEST_INTERVAL, rotation.trouble.notified()).await;
            if self.resolve(LIMIT, LIMIT).await.is_ok() {
                rotation.update(&self.servers());
            }
        }
    }
}

impl Entry {
    fn new(address: Address) -> Self {
        let ips = match address.host {
            Host::Ip(ip) => vec![ip],
            Host::Name { .. } => Vec::new(),
        };
        Self { address, ips }
    }

    /// Fails with what the resolver said.
    async fn resolve(&mut self, resolver: &dyn Resolver, limit: Duration) -> Result<(), String> {
        let Host::Name { name, port } = &self.address.host else {
            return Ok(());
        };
        let found = timeout(limit, resolver.resolve(name, *port)).await;
        let found = found.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let mut ips = found.map_err(|error| error.to_string())?;
        if ips.is_empty() {
            return Err(format!("{name} has no address"));
        }
        ips.sort_unstable();
        self.ips = ips;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{num::NonZeroUsize, sync::Mutex};

    use super::*;
    use crate::connection::{Resolution, Security, security::Credentials};

    #[derive(Debug, Default)]
    struct Registry {
        known: Mutex<Vec<SocketAddr>>,
    }

    impl Registry {
        fn set(&self, ips: &[&str]) {
            *self.known.lock().unwrap() = ips.iter().map(|ip| ip.parse().unwrap()).collect();
        }
    }

    impl Resolver for Arc<Registry> {
        fn resolve<'a>(&'a self, _: &'a str, _: u16) -> Resolution<'a> {
            Box::pin(async { Ok(self.known.lock().unwrap().clone()) })
        }
    }

    /// Names of one address, `http://ser:1`, and what follows it.
    async fn followed(registry: &Arc<Registry>) -> Arc<Rotation> {
        let addresses = vec![Address::parse("http://ser:1").unwrap()];
        let mut names = Names::new(addresses, Arc::new(Arc::clone(registry)));
        names.resolve(LIMIT, LIMIT).await.unwrap();
        let credentials = Credentials::new(Security::default(), &[]).await.unwrap();
        let rotation = Rotation::new(NonZeroUsize::MIN, Arc::new(credentials));
        let rotation = Arc::new(rotation);
        rotation.update(&names.servers());
        tokio::spawn(names.follow(Arc::clone(&rotation)));
        rotation
    }

    fn ips(rotation: &Rotation) -> Vec<String> {
        let mut ips: Vec<_> = rotation.next().iter().map(|p| p.ip.to_string()).collect();
        ips.sort_unstable();
        ips
    }

    #[tokio::test(start_paused = true)]
    async fn servers_come_and_go() {
        let registry = Arc::new(Registry::default());
        registry.set(&["10.0.0.1:1", "10.0.0.2:1"]);
        let rotation = followed(&registry).await;
        let kept = rotation
            .next()
            .into_iter()
            .find(|p| p.ip.ip().to_string() == "10.0.0.2");
        registry.set(&["10.0.0.3:1", "10.0.0.2:1"]);
        assert_eq!(ips(&rotation), ["10.0.0.1:1", "10.0.0.2:1"]);
        sleep(INTERVAL + SHORTEST_INTERVAL).await;
        assert_eq!(ips(&rotation), ["10.0.0.2:1", "10.0.0.3:1"]);
        let kept = kept.unwrap();
        assert!(rotation.next().iter().any(|peer| Arc::ptr_eq(peer, &kept)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_a_reason_to_look() {
        let registry = Arc::new(Registry::default());
        registry.set(&["10.0.0.1:1"]);
        let rotation = followed(&registry).await;
        registry.set(&["10.0.0.2:1"]);
        rotation.trouble.notify_one();
        sleep(2 * SHORTEST_INTERVAL).await;
        assert_eq!(ips(&rotation), ["10.0.0.2:1"]);
    }

    #[tokio::test(start_paused = true)]
    async fn names_that_lead_nowhere_keep_their_servers() {
        let registry = Arc::new(Registry::default());
        registry.set(&["10.0.0.1:1"]);
        let rotation = followed(&registry).await;
        registry.set(&[]);
        sleep(2 * INTERVAL).await;
        assert_eq!(ips(&rotation), ["10.0.0.1:1"]);
    }
}
