//! Telling a client in time that its stream must end.

use std::time::Duration;

use ser_proto::v1::{GoAway, GoAwayCode};

use super::messages::duration;

/// Tells that a stream must end within `time_left`, and when to open the one that goes
/// on with it: at a random moment of the first half of that time, so that not all
/// clients of a server move at once, and each still has as much time to find another.
pub(super) fn go_away(code: GoAwayCode, time_left: Duration) -> GoAway {
    let reason = match code {
        GoAwayCode::StreamAge => "the stream is as old as one may become",
        GoAwayCode::ShuttingDown | GoAwayCode::Unspecified => "the server is shutting down",
    };
    let reconnect_after = rand::random_range(Duration::ZERO..=time_left / 2);
    GoAway {
        time_left: Some(duration(time_left)),
        reason: reason.to_owned(),
        reconnect_after: Some(duration(reconnect_after)),
        code: code.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_move_within_the_first_half_and_not_at_once() {
        let time_left = Duration::from_secs(20);
        let mut moments: Vec<_> = (0..200)
            .map(|_| {
                let told = go_away(GoAwayCode::ShuttingDown, time_left);
                assert_eq!(told.code(), GoAwayCode::ShuttingDown);
                Duration::try_from(told.reconnect_after.unwrap()).unwrap()
            })
            .collect();
        assert!(moments.iter().all(|&moment| moment <= time_left / 2));
        moments.sort();
        moments.dedup();
        assert!(moments.len() > 150, "{} moments", moments.len());
    }

    #[test]
    fn no_time_left_is_no_time_to_wait() {
        let told = go_away(GoAwayCode::StreamAge, Duration::ZERO);
        assert_eq!(told.reconnect_after, Some(duration(Duration::ZERO)));
    }
}
