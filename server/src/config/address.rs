//! Addresses to listen on.

use std::net::SocketAddr;

use serde::{Deserialize, Deserializer, de::Error};

/// Reads an address.
///
/// # Errors
///
/// What was expected.
pub(crate) fn parse(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "expected ADDRESS:PORT, such as 127.0.0.1:50051".to_owned())
}

/// Reads an address, or one that may be missing.
pub(super) fn deserialize<'de, D, A>(source: D) -> Result<A, D::Error>
where
    D: Deserializer<'de>,
    A: From<SocketAddr>,
{
    let text = String::deserialize(source)?;
    parse(&text)
        .map(A::from)
        .map_err(|expected| D::Error::custom(format!("{text:?}; {expected}")))
}
