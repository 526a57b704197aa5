//! Every address that a server listens on.

use std::net::{IpAddr, SocketAddr};

use super::{Config, Problem, TlsConfig};

/// An address that a server listens on, and what whoever connects to it needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listener<'a> {
    key: &'static str,
    address: SocketAddr,
    tls: Option<&'a TlsConfig>,
    has_tokens: bool,
}

impl Config {
    /// The listeners that are set, that of clients first.
    pub(crate) fn listeners(&self) -> impl Iterator<Item = Listener<'_>> {
        let of = |key, address: Option<SocketAddr>, tls, has_tokens| {
            address.map(|address| Listener {
                key,
                address,
                tls,
                has_tokens,
            })
        };
        let (server, admin) = (&self.server, &self.admin);
        let has_tokens = self.auth.tokens.is_some();
        let listeners = [
            of(
                "server.listen",
                Some(server.listen),
                Some(&self.tls),
                has_tokens,
            ),
            of(
                "admin.listen",
                admin.listen,
                Some(&admin.tls),
                admin.tokens.is_some(),
            ),
            of("health.listen", self.health.listen, None, false),
            of("metrics.listen", self.metrics.listen, None, false),
        ];
        listeners.into_iter().flatten()
    }
}

impl Listener<'_> {
    /// The address, and what whoever connects to it needs, in words.
    pub(crate) fn describe(&self) -> String {
        let tls = self.tls.filter(|tls| tls.is_on());
        let encryption = if tls.is_some() { "TLS" } else { "no TLS" };
        let has_client_ca = tls.is_some_and(|tls| tls.client_ca.is_some());
        let credentials = match (has_client_ca, self.has_tokens) {
            (true, true) => "client certificates and tokens",
            (true, false) => "client certificates",
            (false, true) => "tokens",
            (false, false) => "no credentials",
        };
        let Self { key, address, .. } = self;
        format!("{key} {address}: {encryption}, {credentials}")
    }

    fn collides(&self, other: &Self) -> bool {
        let covers = |wide: IpAddr, narrow: IpAddr| {
            // Of version 6 it takes connections of version 4, too.
            wide == narrow || wide.is_unspecified() && (wide.is_ipv6() || narrow.is_ipv4())
        };
        let (one, another) = (self.address, other.address);
        one.port() != 0
            && one.port() == another.port()
            && (covers(one.ip(), another.ip()) || covers(another.ip(), one.ip()))
    }
}

/// Listeners whose port another one has.
pub(super) fn problems(config: &Config) -> Vec<Problem> {
    let listeners: Vec<_> = config.listeners().collect();
    let places = listeners.iter().enumerate();
    let taken = places.filter_map(|(at, later)| {
        let first = listeners[..at].iter().find(|first| first.collides(later))?;
        let reason = format!(
            "{}, where {} = {} listens; expected another port",
            later.address, first.key, first.address
        );
        Some(Problem::new(later.key, reason))
    });
    taken.collect()
}
