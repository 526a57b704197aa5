//! What the server logs, as text.

use std::{
    io::{self, Write},
    time::Duration,
};

use ser_client::admin_proto::LogLevel;

use super::printable;

/// Writes what the server logs, for people.
pub(crate) fn write(out: &mut impl Write, level: &LogLevel) -> io::Result<()> {
    let (now, configured) = (printable(&level.level), printable(&level.configured));
    match reverts_in(level) {
        Some(time) => {
            let time = Duration::from_secs(time.as_secs_f64().round() as u64);
            let time = humantime::format_duration(time);
            writeln!(out, "{now}, {configured} again in {time}")
        }
        None if now == configured => writeln!(out, "{now}"),
        None => writeln!(out, "{now}, configured {configured}"),
    }
}

/// When what is configured is back, if it comes back by itself.
pub(super) fn reverts_in(level: &LogLevel) -> Option<Duration> {
    level.reverts_in?.try_into().ok()
}
