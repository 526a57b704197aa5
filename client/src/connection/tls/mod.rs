//! TLS with servers: whom to believe, and what to show them.

mod fault;
mod files;

use std::path::PathBuf;

pub use fault::TlsFault;
pub(super) use files::TlsFiles;

/// How servers at `https://` are known, and what they are shown. Files are PEM, and
/// read again for each new connection.
#[derive(Debug, Clone, Default)]
pub struct Tls {
    ca: Option<PathBuf>,
    identity: Option<Identity>,
    server_name: Option<String>,
}

/// The client's own certificate.
#[derive(Debug, Clone)]
struct Identity {
    certificate: PathBuf,
    key: PathBuf,
}

impl Tls {
    /// Believes the CAs of the operating system, and shows no certificate.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Believes the CAs in this file, instead of the operating system's.
    #[must_use]
    pub fn ca(mut self, file: impl Into<PathBuf>) -> Self {
        self.ca = Some(file.into());
        self
    }

    /// Shows servers that ask for one (mutual TLS) this certificate, followed in its
    /// file by those that lead from it to a CA; `key` is its private key.
    #[must_use]
    pub fn identity(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.identity = Some(Identity {
            certificate: certificate.into(),
            key: key.into(),
        });
        self
    }

    /// Expects this name in certificates, instead of the one in the server's address.
    #[must_use]
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }
}
