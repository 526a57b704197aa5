//! What ends a stream before its client does: the end of the server, and its age.

use std::{future::pending, time::Duration};

use ser_proto::v1::{GoAway, GoAwayCode};
use tokio::time::{Instant, sleep_until};

use super::go_away::go_away;
use crate::{Error, shutdown::Drain};

/// What ends a stream before its client does, which is told of it first.
#[derive(Debug)]
pub(super) struct Ending {
    drain: Drain,
    /// When the stream is as old as it may become.
    old: Instant,
    /// How old that is.
    age: Duration,
    /// How long an old stream may go on once its client was told.
    grace: Duration,
    told: Told,
}

/// What the client knows.
#[derive(Clone, Copy, Debug)]
enum Told {
    Nothing,
    /// That its stream ends then, and why.
    Due(Instant, GoAwayCode),
    /// That it is over.
    Over,
}

/// What a stream has to do about its end.
#[derive(Debug)]
pub(super) enum Notice {
    /// Tell the client that it comes.
    Announce(GoAway),
    /// Hear nothing more, tell what can be told, and end with this.
    Finish(Error),
    /// End with this at once.
    Stop(Error),
}

impl Ending {
    /// Of a stream that opens now. `age` varies from stream to stream by a tenth, so
    /// that not all of a server's streams move at once.
    pub(super) fn new(drain: Drain, age: Duration, grace: Duration) -> Self {
        let jittered = age.mul_f64(rand::random_range(0.9..=1.1));
        // Nobody reads more of it than milliseconds.
        let millis = u64::try_from(jittered.as_millis()).unwrap_or(u64::MAX);
        let age = Duration::from_millis(millis);
        Self {
            drain,
            old: Instant::now() + age,
            age,
            grace,
            told: Told::Nothing,
        }
    }

    /// Waits until there is something to do. May be dropped and called again.
    pub(super) async fn notice(&mut self) -> Notice {
        match self.told {
            Told::Nothing => {
                let (due, code) = tokio::select! {
                    biased;
                    due = self.drain.begun() => (due, GoAwayCode::ShuttingDown),
                    () = sleep_until(self.old) => {
                        (Instant::now() + self.grace, GoAwayCode::StreamAge)
                    }
                };
                self.told = Told::Due(due, code);
                let time_left = due.saturating_duration_since(Instant::now());
                Notice::Announce(go_away(code, time_left))
            }
            Told::Due(due, GoAwayCode::StreamAge) => {
                sleep_until(due).await;
                self.told = Told::Over;
                Notice::Finish(Error::TooOld { age: self.age })
            }
            Told::Due(due, _) => {
                sleep_until(due).await;
                self.told = Told::Over;
                Notice::Stop(Error::ShuttingDown)
            }
            Told::Over => pending().await,
        }
    }
}
