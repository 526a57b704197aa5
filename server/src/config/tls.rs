//! Certificates of a listener, and of those who connect to it.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Problem;

/// `[tls]` and `[admin.tls]`. Each file is PEM, and is read again when it changes, or
/// on SIGHUP.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    /// The listener's certificate, followed by those that lead from it to a CA that
    /// clients trust. Default: none, TLS is off.
    #[schemars(example = &"/etc/ser-server/tls.crt")]
    pub certificate: Option<PathBuf>,
    /// The certificate's private key, without a passphrase. Default: none.
    #[schemars(example = &"/etc/ser-server/tls.key")]
    pub key: Option<PathBuf>,
    /// CAs whose certificates clients must have (mutual TLS). Default: none, clients
    /// need no certificate.
    #[schemars(example = &"/etc/ser-server/client-ca.crt")]
    pub client_ca: Option<PathBuf>,
    /// Certificates of clients that are revoked: a list of each CA that issues them,
    /// intermediate ones too. Default: none.
    #[schemars(example = &"/etc/ser-server/client.crl")]
    pub client_crl: Option<PathBuf>,
}

/// What the keys of a [`TlsConfig`] are called, for messages.
#[derive(Debug)]
pub(crate) struct TlsKeys {
    /// What the log calls the listener.
    pub(crate) listener: &'static str,
    pub(crate) certificate: &'static str,
    pub(crate) key: &'static str,
    pub(crate) client_ca: &'static str,
    pub(crate) client_crl: &'static str,
}

impl TlsKeys {
    pub(crate) const SERVER: Self = Self {
        listener: "server",
        certificate: "tls.certificate",
        key: "tls.key",
        client_ca: "tls.client_ca",
        client_crl: "tls.client_crl",
    };
    pub(crate) const ADMIN: Self = Self {
        listener: "admin",
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

    /// What is set must be of use.
    pub(super) fn problems(&self, keys: &TlsKeys) -> Vec<Problem> {
        let (key, missing) = match self {
            Self {
                certificate: Some(_),
                key: None,
                ..
            } => (keys.certificate, keys.key),
            Self {
                certificate: None,
                key: Some(_),
                ..
            } => (keys.key, keys.certificate),
            Self {
                certificate: None,
                client_ca: Some(_),
                ..
            } => (keys.client_ca, keys.certificate),
            Self {
                client_ca: None,
                client_crl: Some(_),
                ..
            } => (keys.client_crl, keys.client_ca),
            _ => return Vec::new(),
        };
        vec![Problem::needs(key, missing)]
    }
}
