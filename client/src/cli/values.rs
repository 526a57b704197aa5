//! What several options are written in.

use std::time::Duration;

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
