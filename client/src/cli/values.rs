//! What several options are written in.

use std::{path::Path, time::Duration};

use clap::ValueEnum;
use ser_client::proto;

/// Longer than anybody waits, and short enough to reckon with.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A time with its unit, such as `100ms` or `1.5s`, more than 0.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("expected more than 0".to_owned()),
        Ok(time) if time > LONGEST => Err("expected at most 365d".to_owned()),
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

/// The message of a [`duration`].
pub(super) fn to_proto(time: Duration) -> prost_types::Duration {
    time.try_into()
        .expect("a message holds more than the longest time")
}

/// Whether a file's name says that it is a picture as they are drawn here.
pub(crate) fn is_svg(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("svg"))
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
