//! What a client's certificate calls the client.

use std::sync::Arc;

use tokio_rustls::rustls::pki_types::CertificateDer;
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, prelude::FromDer};

/// The certificate that a client showed in its handshake.
#[derive(Debug)]
pub(crate) struct ClientCertificate {
    /// The client's own certificate, followed by those that lead from it to its CA.
    pub(crate) chain: Vec<CertificateDer<'static>>,
    /// Of the alternative names the first that is a URI, such as a SPIFFE ID, else the
    /// first that is a DNS name; else the common name.
    pub(crate) name: Option<Arc<str>>,
}

impl ClientCertificate {
    pub(crate) fn new(chain: &[CertificateDer<'_>]) -> Option<Self> {
        let name = name(chain.first()?);
        Some(Self {
            chain: chain
                .iter()
                .cloned()
                .map(CertificateDer::into_owned)
                .collect(),
            name: name.map(Into::into),
        })
    }
}

fn name(certificate: &[u8]) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let alternatives = certificate.subject_alternative_name().ok().flatten();
    let alternatives = alternatives.map_or(&[][..], |names| &names.value.general_names);
    let uri = alternatives.iter().find_map(|name| match name {
        GeneralName::URI(uri) => Some(*uri),
        _ => None,
    });
    let dns = || {
        alternatives.iter().find_map(|name| match name {
            GeneralName::DNSName(name) => Some(*name),
            _ => None,
        })
    };
    let common = || {
        let mut names = certificate.subject().iter_common_name();
        names.find_map(|name| name.as_str().ok())
    };
    let name = uri.or_else(dns).or_else(common)?;
    Some(name.to_owned()).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    use super::*;

    fn named(common: Option<&str>, alternatives: Vec<SanType>) -> Option<String> {
        let mut params = CertificateParams::default();
        params.distinguished_name.remove(DnType::CommonName);
        if let Some(common) = common {
            params.distinguished_name.push(DnType::CommonName, common);
        }
        params.subject_alt_names = alternatives;
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let certificate = ClientCertificate::new(&[certificate.der().clone()]).unwrap();
        certificate.name.map(|name| name.to_string())
    }

    #[test]
    fn a_client_goes_by_its_most_telling_name() {
        let dns = || SanType::DnsName("client.example".try_into().unwrap());
        let uri = |text: &str| SanType::URI(text.try_into().unwrap());
        let ip = || SanType::IpAddress([10, 0, 0, 7].into());
        let names = vec![ip(), dns(), uri("spiffe://a/b"), uri("spiffe://c/d")];
        assert_eq!(named(Some("cn"), names).as_deref(), Some("spiffe://a/b"));
        let names = vec![ip(), dns()];
        assert_eq!(named(Some("cn"), names).as_deref(), Some("client.example"));
        assert_eq!(named(Some("cn"), vec![ip()]).as_deref(), Some("cn"));
        assert_eq!(named(None, vec![ip()]), None);
        assert_eq!(named(Some(""), vec![]), None);
    }
}
