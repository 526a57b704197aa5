//! How a [`Client`] is set up.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::{
    Client, Error, Resolver, Tls, Token,
    connection::{Pool, Security, SystemResolver},
};

/// How long a [`Client`] waits before it gives up with an error. [`Duration::MAX`] is for
/// ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection, and for a server that can't serve yet: for so long, new
    /// attempts are made. Default: 5 s.
    pub connect: Duration,
    /// For the first answer to a call. Default: 10 s.
    pub answer: Duration,
    /// For the server to take more audio, and for each further answer after the
    /// half-close. Default: 30 s.
    pub silence: Duration,
    /// For a stream that broke to go on, on this server or another, since its last result.
    /// With 0 streams aren't resumed, and no audio is kept. Default: 30 s.
    pub resume: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(10),
            silence: Duration::from_secs(30),
            resume: Duration::from_secs(30),
        }
    }
}

/// The settings of a [`Client`], from [`Client::builder`].
#[derive(Debug, Clone)]
pub struct ClientBuilder {
    servers: Vec<String>,
    security: Security,
    timeouts: Timeouts,
    resume: bool,
    connections: NonZeroUsize,
    resolver: Arc<dyn Resolver>,
}

impl ClientBuilder {
    pub(crate) fn new(servers: Vec<String>) -> Self {
        Self {
            servers,
            security: Security::default(),
            timeouts: Timeouts::default(),
            resume: true,
            connections: NonZeroUsize::MIN,
            resolver: Arc::new(SystemResolver),
        }
    }

    /// How long to wait for anything.
    #[must_use]
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// Whether streams that break go on elsewhere. Default: yes, for
    /// [`Timeouts::resume`]. Otherwise they end with what broke them.
    #[must_use]
    pub fn resume(mut self, resume: bool) -> Self {
        self.resume = resume;
        self
    }

    /// How many connections calls are spread over at each IP address, all opened
    /// when they are first needed. Default: 1, which carries as many streams at
    /// once as the server allows on one connection.
    #[must_use]
    pub fn connections(mut self, connections: NonZeroUsize) -> Self {
        self.connections = connections;
        self
    }

    /// How servers at `https://` are known, and what they are shown. Default: by the
    /// CAs of the operating system, and nothing.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.security.tls = Some(tls);
        self
    }

    /// What every call shows to its server. Default: nothing.
    #[must_use]
    pub fn token(mut self, token: Token) -> Self {
        self.security.token = Some(token);
        self
    }

    /// What finds the IP addresses of host names. Default: the operating system.
    #[must_use]
    pub fn resolver(mut self, resolver: impl Resolver + 'static) -> Self {
        self.resolver = Arc::new(resolver);
        self
    }

    /// Connects to one of the servers. While none of them answers, tries again for
    /// [`Timeouts::connect`].
    ///
    /// # Errors
    ///
    /// [`Error::Address`], [`Error::Credential`], [`Error::TokenInClear`],
    /// [`Error::Tls`], and [`Error::Unreachable`]: at once when no host name can be
    /// resolved.
    pub async fn connect(self) -> Result<Client, Error> {
        let Self {
            servers,
            security,
            mut timeouts,
            resume,
            connections,
            resolver,
        } = self;
        if !resume {
            timeouts.resume = Duration::ZERO;
        }
        let start = Instant::now();
        let pool = Pool::new(&servers, security, connections, resolver, timeouts.connect).await?;
        let left = timeouts.connect.saturating_sub(start.elapsed());
        pool.retry(left, |left| pool.connection(left)).await?;
        Ok(Client {
            pool: Arc::new(pool),
            timeouts,
        })
    }
}
