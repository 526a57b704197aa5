//! What can be wrong between two ends that are to speak TLS.

use std::{
    error::Error,
    fmt,
    time::{Duration, SystemTime},
};

use humantime::format_rfc3339_seconds;
use tokio_rustls::rustls::{
    self, AlertDescription, CertificateError,
    pki_types::{ServerName, UnixTime},
};

/// Why TLS with a server doesn't come about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TlsFault {
    /// No CA that is believed has signed the server's certificate.
    UnknownAuthority,
    /// The server's certificate is no longer valid.
    Expired {
        /// Since when.
        since: Option<SystemTime>,
    },
    /// The server's certificate isn't valid yet; perhaps a clock is wrong.
    NotValidYet,
    /// The server's certificate is another's.
    WrongName {
        /// What the server is called here.
        expected: String,
        /// What its certificate calls it.
        presented: Vec<String>,
    },
    /// The server's certificate can't be used for another reason.
    BadCertificate(String),
    /// The server asks for a client certificate, and there is none.
    ClientCertificateRequired,
    /// The server doesn't take the client certificate.
    ClientCertificateRefused(&'static str),
    /// The server speaks TLS, and its address says `http://`.
    Expected,
    /// The server doesn't speak TLS, and its address says `https://`.
    NotSpoken,
    /// The server speaks TLS, but not HTTP/2 over it.
    NoHttp2,
    /// Something else.
    Failed(String),
}

impl fmt::Display for TlsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownAuthority => {
                f.write_str("its certificate is signed by an unknown authority")
            }
            Self::Expired { since: Some(since) } => {
                let since = format_rfc3339_seconds(*since);
                write!(f, "its certificate expired on {since}")
            }
            Self::Expired { since: None } => f.write_str("its certificate has expired"),
            Self::NotValidYet => f.write_str("its certificate is not valid yet"),
            Self::WrongName {
                expected,
                presented,
            } => {
                let presented = match presented.as_slice() {
                    [] => "nobody".to_owned(),
                    names => names.join(", "),
                };
                write!(f, "its certificate is for {presented}; expected {expected}")
            }
            Self::BadCertificate(reason) => write!(f, "its certificate can't be used: {reason}"),
            Self::ClientCertificateRequired => f.write_str("it asks for a client certificate"),
            Self::ClientCertificateRefused(reason) => {
                write!(f, "it refuses the client certificate: {reason}")
            }
            Self::Expected => f.write_str("it speaks TLS; expected https:// in its address"),
            Self::NotSpoken => {
                f.write_str("it does not speak TLS; expected http:// in its address")
            }
            Self::NoHttp2 => f.write_str("it speaks no HTTP/2 over TLS"),
            Self::Failed(reason) => write!(f, "TLS failed: {reason}"),
        }
    }
}

/// So that a transport can carry it.
impl Error for TlsFault {}

impl From<&rustls::Error> for TlsFault {
    fn from(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(error) => of_certificate(error),
            rustls::Error::AlertReceived(alert) => of_alert(*alert),
            rustls::Error::InvalidMessage(_) => Self::NotSpoken,
            error => Self::Failed(error.to_string()),
        }
    }
}

fn of_certificate(error: &CertificateError) -> TlsFault {
    match error {
        // The latter two where a CA of the same name is believed, with another key.
        CertificateError::UnknownIssuer
        | CertificateError::BadSignature
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            TlsFault::UnknownAuthority
        }
        CertificateError::Expired => TlsFault::Expired { since: None },
        CertificateError::ExpiredContext { not_after, .. } => TlsFault::Expired {
            since: Some(time(*not_after)),
        },
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            TlsFault::NotValidYet
        }
        CertificateError::NotValidForNameContext {
            expected,
            presented,
        } => TlsFault::WrongName {
            expected: name(expected),
            presented: presented.iter().map(|name| bare(name)).collect(),
        },
        // rustls has no name of its own for it.
        CertificateError::Other(error) if error.to_string().contains("CaUsedAsEndEntity") => {
            TlsFault::BadCertificate(
                "it is that of a CA; expected a server's, with basicConstraints CA:FALSE"
                    .to_owned(),
            )
        }
        error => TlsFault::BadCertificate(error.to_string()),
    }
}

/// What the server says before it hangs up.
fn of_alert(alert: AlertDescription) -> TlsFault {
    let refused = TlsFault::ClientCertificateRefused;
    match alert {
        AlertDescription::CertificateRequired => TlsFault::ClientCertificateRequired,
        AlertDescription::UnknownCA => refused("signed by an unknown authority"),
        AlertDescription::CertificateExpired => refused("expired"),
        AlertDescription::CertificateRevoked => refused("revoked"),
        AlertDescription::CertificateUnknown | AlertDescription::BadCertificate => {
            refused("not valid")
        }
        AlertDescription::UnsupportedCertificate => refused("of a kind it does not take"),
        AlertDescription::AccessDenied => refused("not permitted"),
        AlertDescription::NoApplicationProtocol => TlsFault::NoHttp2,
        alert => TlsFault::Failed(format!("the server says {alert:?}")),
    }
}

fn time(time: UnixTime) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(time.as_secs())
}

fn name(name: &ServerName<'_>) -> String {
    name.to_str().into_owned()
}

/// A name of a certificate without its kind: `DnsName("a.example")` is `a.example`.
fn bare(name: &str) -> String {
    let inner = name
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.unwrap_or(name).trim_matches('"').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ca_of_the_same_name_and_another_key_is_unknown() {
        let error = rustls::Error::InvalidCertificate(CertificateError::BadSignature);
        assert_eq!(TlsFault::from(&error), TlsFault::UnknownAuthority);
    }
}
