//! What ends a stream before its client does: the end of the server, and its age.

use std::{future::pending, time::Duration};

use ser_proto::v1::GoAwayCode;
use tokio::time::{Instant, sleep_until};

use super::{go_away::go_away, responses::Farewell};
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
    farewell: Farewell,
    /// When the stream ends, and why, once the client was told.
    told: Option<(Instant, GoAwayCode)>,
    is_over: bool,
}

/// How a stream ends.
#[derive(Debug)]
pub(super) enum End {
    /// Hear nothing more, tell what can be told, and end with this.
    Finish(Error),
    /// End with this at once.
    Stop(Error),
}

impl Ending {
    /// Of a stream that opens now, whose client is told with `farewell`. `age` varies
    /// from stream to stream by a tenth, so that not all of a server's streams move at
    /// once.
    pub(super) fn new(drain: Drain, age: Duration, grace: Duration, farewell: Farewell) -> Self {
        let jittered = age.mul_f64(rand::random_range(0.9..=1.1));
        // Nobody reads more of it than milliseconds.
        let millis = u64::try_from(jittered.as_millis()).unwrap_or(u64::MAX);
        let age = Duration::from_millis(millis);
        Self {
            drain,
            old: Instant::now() + age,
            age,
            grace,
            farewell,
            told: None,
            is_over: false,
        }
    }

    /// Waits for the end, and tells the client in time that it comes. May be dropped
    /// and called again.
    pub(super) async fn comes(&mut self) -> End {
        if self.is_over {
            return pending().await;
        }
        let (due, code) = self.announced().await;
        sleep_until(due).await;
        self.is_over = true;
        match code {
            GoAwayCode::StreamAge => End::Finish(Error::TooOld { age: self.age }),
            _ => End::Stop(Error::ShuttingDown),
        }
    }

    /// The same while the client leaves no room for a response: it's told all the same,
    /// but only the end of the server doesn't wait for it. May be dropped and called
    /// again.
    pub(super) async fn cuts(&mut self) -> Error {
        self.announced().await;
        sleep_until(self.drain.begun().await).await;
        Error::ShuttingDown
    }

    /// Waits until the client was told when the stream ends, and why.
    async fn announced(&mut self) -> (Instant, GoAwayCode) {
        if let Some(told) = self.told {
            return told;
        }
        let (due, code) = tokio::select! {
            biased;
            due = self.drain.begun() => (due, GoAwayCode::ShuttingDown),
            () = sleep_until(self.old) => {
                (Instant::now() + self.grace, GoAwayCode::StreamAge)
            }
        };
        let time_left = due.saturating_duration_since(Instant::now());
        self.farewell.say(go_away(code, time_left));
        self.told = Some((due, code));
        (due, code)
    }
}
