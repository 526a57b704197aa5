//! What TLS is spoken with, as the files are when a connection is made.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use tokio_rustls::rustls::{
    self, ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{
        CertificateDer, PrivateKeyDer, ServerName,
        pem::{self, PemObject},
    },
};

use super::Tls;
use crate::Error;

/// What is negotiated for HTTP/2 (RFC 9113, 3.2).
const H2: &[u8] = b"h2";

/// Settings of TLS, and what was last made of their files.
#[derive(Debug)]
pub(crate) struct TlsFiles {
    tls: Tls,
    server_name: Option<ServerName<'static>>,
    system: OnceLock<Arc<RootCertStore>>,
    /// Kept while the files are the same, so that sessions can be resumed.
    last: Mutex<Option<(Contents, Arc<ClientConfig>)>>,
}

/// What is in the files.
#[derive(Debug, PartialEq, Eq)]
struct Contents {
    ca: Option<Vec<u8>>,
    /// Certificate and key.
    identity: Option<(Vec<u8>, Vec<u8>)>,
}

impl TlsFiles {
    /// # Errors
    ///
    /// [`Error::Credential`] of a server name that is none.
    pub(crate) fn new(tls: Tls) -> Result<Self, Error> {
        let server_name = tls.server_name.clone().map(|name| {
            ServerName::try_from(name.clone()).map_err(|_| Error::Credential {
                place: format!("server name {name:?}"),
                reason: "not one; expected a host name or an IP address".to_owned(),
            })
        });
        Ok(Self {
            server_name: server_name.transpose()?,
            tls,
            system: OnceLock::new(),
            last: Mutex::new(None),
        })
    }

    /// What the certificate of the server called `host` has to be for.
    pub(crate) fn server_name(&self, host: &str) -> Option<ServerName<'static>> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        match &self.server_name {
            Some(name) => Some(name.clone()),
            None => ServerName::try_from(bare.to_owned()).ok(),
        }
    }

    /// What to connect with now. Reads files, which may block.
    ///
    /// # Errors
    ///
    /// [`Error::Credential`].
    pub(crate) fn config(&self) -> Result<Arc<ClientConfig>, Error> {
        let contents = self.read()?;
        // Never left half changed.
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, config)) = &*last
            && *known == contents
        {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(self.build(&contents)?);
        *last = Some((contents, Arc::clone(&config)));
        Ok(config)
    }

    fn read(&self) -> Result<Contents, Error> {
        let ca = self.tls.ca.as_deref().map(read).transpose()?;
        let identity = match &self.tls.identity {
            Some(identity) => Some((read(&identity.certificate)?, read(&identity.key)?)),
            None => None,
        };
        Ok(Contents { ca, identity })
    }

    fn build(&self, contents: &Contents) -> Result<ClientConfig, Error> {
        let roots = match (&self.tls.ca, &contents.ca) {
            (Some(path), Some(pem)) => authorities(path, pem)?,
            _ => self.system_authorities()?,
        };
        let builder = ClientConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .expect("the provider has the default versions")
            .with_root_certificates(roots);
        let mut config = match (&self.tls.identity, &contents.identity) {
            (Some(paths), Some((certificate, key))) => {
                let chain = certificates(&paths.certificate, certificate)?;
                let key = private_key(&paths.key, key)?;
                builder.with_client_auth_cert(chain, key).map_err(|error| {
                    let reason = match error {
                        rustls::Error::InconsistentKeys(_) => format!(
                            "not the key of the certificate in {}; expected that",
                            paths.certificate.display()
                        ),
                        error => format!("{error}; expected a key and a certificate for TLS"),
                    };
                    wrong(&paths.key, &reason)
                })?
            }
            _ => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![H2.to_vec()];
        Ok(config)
    }

    fn system_authorities(&self) -> Result<Arc<RootCertStore>, Error> {
        if let Some(roots) = self.system.get() {
            return Ok(Arc::clone(roots));
        }
        // The machine's own, so that a company's CA counts and a distrusted one doesn't,
        // without a new build of whatever has this library inside.
        let found = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            return Err(Error::Credential {
                place: "certificates of the operating system".to_owned(),
                reason: "none found; expected CAs, as the package ca-certificates installs them, \
                         or a file with the server's"
                    .to_owned(),
            });
        }
        Ok(Arc::clone(self.system.get_or_init(|| roots.into())))
    }
}

fn authorities(path: &Path, pem: &[u8]) -> Result<Arc<RootCertStore>, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path, pem)? {
        roots
            .add(certificate)
            .map_err(|error| wrong(path, &format!("{error}; expected certificates of CAs")))?;
    }
    Ok(roots.into())
}

fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    const EXPECTED: &str = "expected PEM with a certificate (-----BEGIN CERTIFICATE-----)";
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let certificates =
        certificates.map_err(|error| wrong(path, &format!("{error}; {EXPECTED}")))?;
    if certificates.is_empty() {
        return Err(wrong(path, &format!("none in it; {EXPECTED}")));
    }
    Ok(certificates)
}

fn private_key(path: &Path, pem: &[u8]) -> Result<PrivateKeyDer<'static>, Error> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| {
        let found = match error {
            pem::Error::NoItemsFound => "no key in it, or one with a passphrase".to_owned(),
            error => error.to_string(),
        };
        let expected = "PEM with a private key (-----BEGIN PRIVATE KEY-----)";
        wrong(path, &format!("{found}; expected {expected}"))
    })
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|error| wrong(path, &format!("{error}; expected a file in PEM")))
}

fn wrong(path: &Path, reason: &str) -> Error {
    Error::Credential {
        place: path.display().to_string(),
        reason: reason.to_owned(),
    }
}
