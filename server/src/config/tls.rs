//! Certificates of a listener, and of those who connect to it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// `[tls]` and `[admin.tls]`. Each file is PEM, and is read again when it changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    /// The listener's certificate, followed by those that lead from it to a CA that
    /// clients trust. Default: none, TLS is off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// The certificate's private key, without a passphrase. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
    /// CAs whose certificates clients must have (mutual TLS). Default: none, clients
    /// need no certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_ca: Option<PathBuf>,
    /// Certificates of clients that are revoked: a list of each CA that issues them,
    /// intermediate ones too. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_crl: Option<PathBuf>,
}

/// What the keys of a [`TlsConfig`] are called, for messages.
#[derive(Debug)]
pub(crate) struct TlsKeys {
    pub(crate) certificate: &'static str,
    pub(crate) key: &'static str,
    pub(crate) client_ca: &'static str,
    pub(crate) client_crl: &'static str,
}

impl TlsKeys {
    pub(crate) const SERVER: Self = Self {
        certificate: "tls.certificate",
        key: "tls.key",
        client_ca: "tls.client_ca",
        client_crl: "tls.client_crl",
    };
    pub(crate) const ADMIN: Self = Self {
        certificate: "admin.tls.certificate",
        key: "admin.tls.key",
        client_ca: "admin.tls.client_ca",
        client_crl: "admin.tls.client_crl",
    };
}

impl TlsConfig {
    /// Whether the listener speaks TLS.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.certificate.is_some()
    }

    /// What is set must be of use. The error is the key with the reason.
    pub(super) fn validate(&self, keys: &TlsKeys) -> Result<(), (&'static str, String)> {
        let needs = |key, other: &str| Err((key, format!("set; expected {other} beside it")));
        match self {
            Self {
                certificate: Some(_),
                key: None,
                ..
            } => needs(keys.certificate, keys.key),
            Self {
                certificate: None,
                key: Some(_),
                ..
            } => needs(keys.key, keys.certificate),
            Self {
                certificate: None,
                client_ca: Some(_),
                ..
            } => needs(keys.client_ca, keys.certificate),
            Self {
                client_ca: None,
                client_crl: Some(_),
                ..
            } => needs(keys.client_crl, keys.client_ca),
            _ => Ok(()),
        }
    }
}
