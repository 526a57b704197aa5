//! What several options are written in.

use std::time::Duration;

use clap::ValueEnum;
use ser_client::proto;

/// A time with its unit, such as `100ms` or `1.5s`, more than 0.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("expected more than 0".to_owned()),
        Ok(time) => Ok(time),
        Err(_) => Err("expected a time with its unit, such as 100ms or 0.5s".to_owned()),
    }
}

/// A server takes a stream for dead that says nothing for long.
const LONGEST_CHUNK: Duration = Duration::from_secs(5);

pub(super) fn chunk_length(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        time if time > LONGEST_CHUNK => Err(format!("expected at most {LONGEST_CHUNK:?}")),
        time => Ok(time),
    }
}

/// No longer than the message can hold; a server refuses far less.
pub(super) fn to_proto(time: Duration) -> prost_types::Duration {
    time.try_into().unwrap_or(prost_types::Duration {
        seconds: i64::MAX,
        nanos: 0,
    })
}

/// How a sample is written.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum RawEncoding {
    /// Signed 16-bit integers, little-endian
    S16le,
    /// 32-bit floats, little-endian
    F32le,
    /// G.711 µ-law
    Mulaw,
    /// G.711 A-law
    Alaw,
}

impl From<RawEncoding> for proto::Encoding {
    fn from(encoding: RawEncoding) -> Self {
        match encoding {
            RawEncoding::S16le => Self::S16le,
            RawEncoding::F32le => Self::F32le,
            RawEncoding::Mulaw => Self::Mulaw,
            RawEncoding::Alaw => Self::Alaw,
        }
    }
}
