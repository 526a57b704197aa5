//! TLS: what a listener shows of itself, and what it asks of those who connect.

mod chain;
mod files;
#[cfg(test)]
pub(crate) mod tests;

use std::{fmt, sync::Arc};

use tokio_rustls::rustls::{
    self, CertificateError, ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, UnixTime},
    server::danger::ClientCertVerifier,
};

pub(crate) use files::TlsFiles;
use x509_parser::time::ASN1Time;

use crate::Error;

/// What is negotiated for HTTP/2 (RFC 9113, 3.2).
pub(super) const H2: &[u8] = b"h2";

/// One reading of a listener's files.
pub(crate) struct Identity {
    /// For handshakes from now on.
    pub(super) config: Arc<ServerConfig>,
    /// What clients' certificates are checked with, if they need one.
    clients: Option<Arc<dyn ClientCertVerifier>>,
    /// When the first of the listener's certificates expires.
    expires: ASN1Time,
}

impl Identity {
    /// Whether clients need a certificate.
    pub(crate) fn asks_for_certificates(&self) -> bool {
        self.clients.is_some()
    }

    /// Checks a client's certificate, and those that lead from it to its CA, against
    /// the CAs and revocations of now. A handshake did so before, perhaps long ago.
    ///
    /// # Errors
    ///
    /// [`Error::Unauthenticated`].
    pub(crate) fn check(&self, chain: &[CertificateDer<'static>]) -> Result<(), Error> {
        let Some(clients) = &self.clients else {
            return Ok(());
        };
        let Some((own, others)) = chain.split_first() else {
            return Err(refused("none"));
        };
        match clients.verify_client_cert(own, others, UnixTime::now()) {
            Ok(_) => Ok(()),
            Err(rustls::Error::InvalidCertificate(error)) => Err(refused(found(&error))),
            Err(error) => Err(refused(&error.to_string())),
        }
    }
}

fn refused(found: &str) -> Error {
    Error::Unauthenticated {
        what: "client certificate",
        found: found.to_owned(),
        expected: "one that is valid, of a CA that this server trusts",
    }
}

/// What is wrong with a client's certificate.
fn found(error: &CertificateError) -> &'static str {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "not valid yet"
        }
        CertificateError::Revoked => "revoked",
        CertificateError::UnknownRevocationStatus => "of a CA whose revocations aren't known",
        CertificateError::UnknownIssuer => "of an unknown CA",
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "not for clients"
        }
        _ => "broken",
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Identity").finish_non_exhaustive()
    }
}

/// The cryptography of all TLS here.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
