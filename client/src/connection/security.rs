//! What a client brings to every server.

use std::{net::SocketAddr, sync::Arc};

use http::HeaderValue;

use super::{Tls, Token, address::Address, connector::Connector, tls::TlsFiles};
use crate::Error;

/// Whom a client believes, and who it says it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Security {
    pub(crate) tls: Option<Tls>,
    pub(crate) token: Option<Token>,
}

/// The same, ready to be used with servers that are known.
#[derive(Debug)]
pub(super) struct Credentials {
    tls: Arc<TlsFiles>,
    token: Option<Token>,
}

impl Credentials {
    /// Checks `security` against the addresses that it is for. Reads files.
    ///
    /// # Errors
    ///
    /// [`Error::Credential`] of a file that can't be used, and [`Error::Address`] when
    /// there are settings for TLS, and no server speaks it.
    pub(super) async fn new(security: Security, addresses: &[Address]) -> Result<Self, Error> {
        let Security { tls, token } = security;
        let is_secure = addresses.iter().any(Address::is_secure);
        if tls.is_some()
            && !is_secure
            && let Some(address) = addresses.first()
        {
            return Err(address.should_be_secure());
        }
        let tls = Arc::new(TlsFiles::new(tls.unwrap_or_default())?);
        if is_secure {
            let tls = Arc::clone(&tls);
            // What is wrong with a file is told at once, and not again and again.
            let reading = tokio::task::spawn_blocking(move || tls.config().map(drop));
            reading.await.expect("reading files doesn't panic")?;
        }
        Ok(Self { tls, token })
    }

    /// What connects to the server at `ip`, one of `address`'s.
    pub(super) fn connector(&self, address: &Address, ip: SocketAddr) -> Connector {
        let tls = address.is_secure().then(|| {
            let name = self.tls.server_name(address.host_name());
            // What is no name for a certificate is none that is resolved either, and
            // an address is always one.
            let name = name.unwrap_or_else(|| ip.ip().into());
            (Arc::clone(&self.tls), name)
        });
        Connector::new(ip, tls)
    }

    /// What a call says of who makes it.
    ///
    /// # Errors
    ///
    /// [`Error::Credential`] of a token that can't be read.
    pub(super) async fn authorization(&self) -> Result<Option<HeaderValue>, Error> {
        match &self.token {
            Some(token) => Ok(Some(token.authorization().await?)),
            None => Ok(None),
        }
    }

    /// Whether whoever is on the way to a server could read the token.
    pub(super) fn shows_token(&self, is_secure: bool, ip: SocketAddr) -> bool {
        let guards = |token: &Token| !token.may_go_in_clear();
        !is_secure && !ip.ip().is_loopback() && self.token.as_ref().is_some_and(guards)
    }
}
