//! Reading certificates, keys and revocations.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio_rustls::rustls::{
    self, RootCertStore, ServerConfig,
    pki_types::{
        CertificateDer, CertificateRevocationListDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
    sign::{CertifiedKey, SingleCertAndKey},
};
use x509_parser::{prelude::FromDer, revocation_list::CertificateRevocationList, time::ASN1Time};

use super::{H2, Identity, chain, provider};
use crate::{
    Error,
    config::{TlsConfig, TlsKeys},
    reload::{Notes, Source},
    telemetry::Metrics,
};

/// The files of one listener.
#[derive(Debug)]
pub(crate) struct TlsFiles {
    keys: &'static TlsKeys,
    certificate: PathBuf,
    key: PathBuf,
    client_ca: Option<PathBuf>,
    client_crl: Option<PathBuf>,
}

impl TlsFiles {
    /// The files that `config` names under `keys`, if it turns TLS on.
    pub(crate) fn named(config: &TlsConfig, keys: &'static TlsKeys) -> Option<Self> {
        Some(Self {
            keys,
            certificate: config.certificate.clone()?,
            key: config.key.clone()?,
            client_ca: config.client_ca.clone(),
            client_crl: config.client_crl.clone(),
        })
    }

    /// What the listener shows of itself, and the key that belongs to it.
    fn pair(&self, notes: &mut Notes) -> Result<(CertifiedKey, ASN1Time), Error> {
        let mut errors = Vec::new();
        let chain = noted(&mut errors, self.chain(notes));
        let key = noted(&mut errors, self.private_key(notes));
        let (Some((chain, expires)), Some(key)) = (chain, key) else {
            return Err(Error::all(errors));
        };
        let pair = CertifiedKey::from_der(chain, key, &provider()).map_err(|error| {
            let reason = match error {
                rustls::Error::InconsistentKeys(_) => {
                    notes.is_halfway = true;
                    format!(
                        "not the key of the certificate in {}; expected that",
                        self.certificate.display()
                    )
                }
                error => format!("{error}; expected a key and a certificate for TLS"),
            };
            wrong(self.keys.key, &self.key, &reason)
        });
        pair.map(|pair| (pair, expires))
    }

    /// The certificates, and when the first of them expires.
    fn chain(&self, notes: &mut Notes) -> Result<(Vec<CertificateDer<'static>>, ASN1Time), Error> {
        let file = File::read(self.keys.certificate, &self.certificate)?;
        let chain = file.certificates()?;
        let expires = chain::check(&file, &chain, notes)?;
        Ok((chain, expires))
    }

    fn private_key(&self, notes: &mut Notes) -> Result<PrivateKeyDer<'static>, Error> {
        let key = File::read(self.keys.key, &self.key)?.private_key()?;
        notes.warn_of_mode(self.keys.key, &self.key);
        Ok(key)
    }

    /// What clients' certificates are checked with.
    fn clients(&self, notes: &mut Notes) -> Result<Option<Arc<dyn ClientCertVerifier>>, Error> {
        let Some(path) = &self.client_ca else {
            return Ok(None);
        };
        let mut errors = Vec::new();
        let roots = noted(&mut errors, self.roots(path));
        let revoked = noted(&mut errors, self.revoked(notes));
        let (Some(roots), Some(revoked)) = (roots, revoked) else {
            return Err(Error::all(errors));
        };
        // Every CA on the way must have a list, once there is one: of a CA without, nobody
        // knows whom it has revoked.
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider())
            .with_crls(revoked)
            .build()
            .map_err(|error| {
                let reason = format!("{error}; expected CAs, and their lists of revocations");
                wrong(self.keys.client_ca, path, &reason)
            })?;
        Ok(Some(verifier))
    }

    /// The CAs in the file at `path`.
    fn roots(&self, path: &Path) -> Result<RootCertStore, Error> {
        let file = File::read(self.keys.client_ca, path)?;
        let mut roots = RootCertStore::empty();
        for certificate in file.certificates()? {
            roots.add(certificate).map_err(|error| {
                file.wrong(&format!(
                    "{error}; expected certificates of CAs that issue clients' certificates"
                ))
            })?;
        }
        Ok(roots)
    }

    fn revoked(
        &self,
        notes: &mut Notes,
    ) -> Result<Vec<CertificateRevocationListDer<'static>>, Error> {
        let Some(path) = &self.client_crl else {
            return Ok(Vec::new());
        };
        let file = File::read(self.keys.client_crl, path)?;
        let lists: Vec<CertificateRevocationListDer<'static>> =
            file.items("a list of revocations (-----BEGIN X509 CRL-----)")?;
        for list in &lists {
            let (_, list) = CertificateRevocationList::from_der(list).map_err(|_| {
                file.wrong("a list of revocations can't be read; expected PEM of X.509")
            })?;
            // Not an error: a CA that is late with its list must not stop everybody.
            if list
                .next_update()
                .is_some_and(|next| next < ASN1Time::now())
            {
                let late = "a list of revocations was to be replaced before now";
                notes.warn(self.keys.client_crl, path, late);
            }
        }
        Ok(lists)
    }
}

impl Source for TlsFiles {
    type Value = Identity;
    const NAME: &'static str = "tls";

    fn listener(&self) -> &'static str {
        self.keys.listener
    }

    fn files(&self) -> Vec<&Path> {
        let others = [&self.client_ca, &self.client_crl];
        let named = [&self.certificate, &self.key].into_iter();
        named
            .chain(others.into_iter().flatten())
            .map(PathBuf::as_path)
            .collect()
    }

    fn load(&self, notes: &mut Notes) -> Result<Identity, Error> {
        let mut errors = Vec::new();
        let pair = noted(&mut errors, self.pair(notes));
        let clients = noted(&mut errors, self.clients(notes));
        notes.is_halfway &= clients.is_some();
        let (Some((pair, expires)), Some(clients)) = (pair, clients) else {
            return Err(Error::all(errors));
        };
        let builder = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::Internal(error.to_string()))?;
        let builder = match &clients {
            Some(clients) => builder.with_client_cert_verifier(Arc::clone(clients)),
            None => builder.with_no_client_auth(),
        };
        let pair = SingleCertAndKey::from(pair);
        let mut config = builder.with_cert_resolver(Arc::new(pair));
        config.alpn_protocols = vec![H2.to_vec()];
        Ok(Identity {
            config: Arc::new(config),
            clients,
            expires,
        })
    }

    fn measure(&self, identity: &Identity, metrics: &Metrics) {
        metrics.certificate_expires(self.keys.listener, identity.expires.timestamp());
    }
}

/// What `read` holds, or a further one of `errors`.
fn noted<T>(errors: &mut Vec<Error>, read: Result<T, Error>) -> Option<T> {
    read.map_err(|error| errors.push(error)).ok()
}

/// A file and the key that names it.
pub(super) struct File<'a> {
    pub(super) key: &'static str,
    pub(super) path: &'a Path,
    contents: Vec<u8>,
}

impl<'a> File<'a> {
    fn read(key: &'static str, path: &'a Path) -> Result<Self, Error> {
        let contents = fs::read(path)
            .map_err(|error| wrong(key, path, &format!("{error}; expected a file in PEM")))?;
        Ok(Self {
            key,
            path,
            contents,
        })
    }

    pub(super) fn wrong(&self, reason: &str) -> Error {
        wrong(self.key, self.path, reason)
    }

    /// Every section of one kind, at least one.
    fn items<T: PemObject>(&self, expected: &str) -> Result<Vec<T>, Error> {
        let items: Result<Vec<T>, _> = T::pem_slice_iter(&self.contents).collect();
        let items = items.map_err(|error| self.no_pem(&error, expected))?;
        if items.is_empty() {
            return Err(self.wrong(&format!("none in it; expected PEM with {expected}")));
        }
        Ok(items)
    }

    fn no_pem(&self, error: &pem::Error, expected: &str) -> Error {
        self.wrong(&format!("{error}; expected PEM with {expected}"))
    }

    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, Error> {
        self.items("a certificate (-----BEGIN CERTIFICATE-----)")
    }

    fn private_key(&self) -> Result<PrivateKeyDer<'static>, Error> {
        const EXPECTED: &str = "a private key (-----BEGIN PRIVATE KEY-----)";
        PrivateKeyDer::from_pem_slice(&self.contents).map_err(|error| {
            let is_encrypted = self.contents.windows(9).any(|text| text == b"ENCRYPTED");
            match error {
                pem::Error::NoItemsFound if is_encrypted => {
                    self.wrong("the key has a passphrase; expected one without")
                }
                pem::Error::NoItemsFound => {
                    self.wrong(&format!("no key in it; expected PEM with {EXPECTED}"))
                }
                error => self.no_pem(&error, EXPECTED),
            }
        })
    }
}

fn wrong(key: &str, path: &Path, reason: &str) -> Error {
    Error::config(key, format!("{}: {reason}", path.display()))
}
