//! Durations as error messages write them.

use std::time::Duration;

/// Seconds with as many decimals as it takes, for instance `10s` or `0.116s`.
#[must_use]
pub(crate) fn seconds(duration: Duration) -> String {
    signed(false, duration.as_secs(), duration.subsec_nanos())
}

/// The same of a duration as the client wrote it, however malformed.
pub(crate) fn proto_seconds(duration: prost_types::Duration) -> String {
    let prost_types::Duration { seconds, nanos } = duration;
    let opposed = seconds.signum() * i64::from(nanos.signum()) < 0;
    if opposed || nanos.unsigned_abs() >= 1_000_000_000 {
        return format!("{seconds}s and {nanos}ns");
    }
    signed(
        seconds < 0 || nanos < 0,
        seconds.unsigned_abs(),
        nanos.unsigned_abs(),
    )
}

fn signed(negative: bool, seconds: u64, nanos: u32) -> String {
    let sign = if negative { "-" } else { "" };
    let decimals = format!("{nanos:09}");
    match decimals.trim_end_matches('0') {
        "" => format!("{sign}{seconds}s"),
        decimals => format!("{sign}{seconds}.{decimals}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_no_more_decimals_than_needed() {
        assert_eq!(seconds(Duration::from_secs(604_800)), "604800s");
        assert_eq!(seconds(Duration::from_millis(116)), "0.116s");
        assert_eq!(seconds(Duration::ZERO), "0s");
        assert_eq!(seconds(Duration::from_nanos(1)), "0.000000001s");
    }

    #[test]
    fn writes_what_the_client_wrote() {
        let written = |seconds, nanos| proto_seconds(prost_types::Duration { seconds, nanos });
        assert_eq!(written(-1, 0), "-1s");
        assert_eq!(written(0, -500_000_000), "-0.5s");
        assert_eq!(written(2, 0), "2s");
        assert_eq!(written(1, -1), "1s and -1ns");
        assert_eq!(written(0, 1_000_000_000), "0s and 1000000000ns");
        assert_eq!(
            written(i64::MIN, i32::MIN),
            "-9223372036854775808s and -2147483648ns"
        );
    }
}
