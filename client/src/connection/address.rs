//! Servers as their users name them.

use std::net::{IpAddr, SocketAddr};

use tonic::transport::Uri;

use crate::Error;

/// `http://HOST:PORT` or `https://HOST:PORT`.
#[derive(Debug, Clone)]
pub(super) struct Address {
    /// As it was written.
    pub(super) written: String,
    /// What requests say that they are for.
    pub(super) origin: Uri,
    pub(super) host: Host,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Host {
    Ip(SocketAddr),
    /// To be resolved.
    Name {
        name: String,
        port: u16,
    },
}

impl Address {
    pub(super) fn parse(written: &str) -> Result<Self, Error> {
        Self::read(written).ok_or_else(|| Error::Address {
            address: written.to_owned(),
            expected: meant(written),
        })
    }

    fn read(written: &str) -> Option<Self> {
        let origin: Uri = written.parse().ok()?;
        let beyond = origin.path() != "/" || origin.query().is_some();
        let default_port = match origin.scheme_str() {
            Some("http") => 80,
            Some("https") => 443,
            _ => return None,
        };
        // Neither the name of a user nor a fragment would go anywhere.
        if beyond || written.contains(['@', '#']) {
            return None;
        }
        let name = origin.host().filter(|host| !host.is_empty())?;
        let port = match origin.port_u16() {
            Some(port) => port,
            // What follows the host is no port.
            None if origin.authority().is_some_and(|whole| whole != name) => {
                return None;
            }
            None => default_port,
        };
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        let host = match bare.parse::<IpAddr>() {
            Ok(ip) => Host::Ip((ip, port).into()),
            Err(_) => Host::Name {
                name: name.to_owned(),
                port,
            },
        };
        Some(Self {
            written: written.to_owned(),
            origin,
            host,
        })
    }

    /// Whether TLS is spoken there.
    pub(super) fn is_secure(&self) -> bool {
        self.origin.scheme_str() == Some("https")
    }

    /// The host as it was written.
    pub(super) fn host_name(&self) -> &str {
        self.origin.host().unwrap_or_default()
    }

    /// What is said of an address without TLS, where TLS was asked for.
    pub(super) fn should_be_secure(&self) -> Error {
        Error::Address {
            address: self.written.clone(),
            expected: format!("{}, for there are settings for TLS", self.secured()),
        }
    }

    /// The same with TLS.
    fn secured(&self) -> String {
        self.written.replacen("http://", "https://", 1)
    }

    /// How messages name the server at `ip`, one of this address's.
    pub(super) fn name_of(&self, ip: SocketAddr) -> String {
        match self.host {
            Host::Ip(_) => self.written.clone(),
            Host::Name { .. } => format!("{} ({ip})", self.written),
        }
    }
}

/// What was to be written in place of `written`, as far as that can be told.
fn meant(written: &str) -> String {
    let plain = format!("http://{written}");
    match Address::read(&plain) {
        Some(_) => plain,
        None => "http://HOST:PORT or https://HOST:PORT".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(written: &str) -> Host {
        Address::parse(written).unwrap().host
    }

    #[test]
    fn only_names_need_to_be_resolved() {
        let ip = |text: &str| Host::Ip(text.parse().unwrap());
        assert_eq!(host("http://10.0.0.7:50051"), ip("10.0.0.7:50051"));
        assert_eq!(host("http://[::1]:50051"), ip("[::1]:50051"));
        let name = Host::Name {
            name: "ser.example".to_owned(),
            port: 80,
        };
        assert_eq!(host("http://ser.example"), name);
        let name = Host::Name {
            name: "ser.example".to_owned(),
            port: 443,
        };
        assert_eq!(host("https://ser.example"), name);
    }

    #[test]
    fn messages_tell_the_servers_behind_a_name_apart() {
        let address = Address::parse("http://ser:50051").unwrap();
        assert_eq!(
            address.name_of("10.0.0.7:50051".parse().unwrap()),
            "http://ser:50051 (10.0.0.7:50051)"
        );
    }

    #[test]
    fn anything_but_http_is_refused() {
        for written in [
            "",
            "localhost:50051",
            "http://",
            "http://:50051",
            "http://host:port",
            "http://host:50051/path",
            "http://host:50051?query",
            "http://host:50051#fragment",
            "http://name@host:50051",
            "http://name:word@host:50051",
            "a b",
        ] {
            let error = Address::parse(written).expect_err("no usable address");
            assert!(matches!(&error, Error::Address { address, .. } if address == written));
        }
    }

    #[test]
    fn a_refusal_tells_what_was_meant() {
        for (written, expected) in [
            ("127.0.0.1:50051", "http://127.0.0.1:50051"),
            ("localhost", "http://localhost"),
            ("[::1]:50051", "http://[::1]:50051"),
            ("https://ser/path", "http://HOST:PORT or https://HOST:PORT"),
            ("ser:50051/path", "http://HOST:PORT or https://HOST:PORT"),
            ("ftp://ser:50051", "http://HOST:PORT or https://HOST:PORT"),
            ("http://ser:port", "http://HOST:PORT or https://HOST:PORT"),
        ] {
            let error = Address::parse(written).unwrap_err().to_string();
            let end = format!("; expected {expected}");
            assert!(error.ends_with(&end), "{error}");
        }
    }
}
