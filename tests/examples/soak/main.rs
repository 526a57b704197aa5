//! Streams that come and go for hours, some of which misbehave, against a server that
//! runs: does it leak, does anything get slower, does a good stream ever suffer?
//!
//! ```sh
//! SER__METRICS__LISTEN=127.0.0.1:9464 ser-server &
//! soak --process $! --streams 700 --duration 30m
//! ```
//!
//! Streams that are refused come again when they are told to, so that more of them than a
//! server takes are an overload that lasts.
//!
//! Fails when a stream that behaved got something else than an undisturbed one, when one
//! that didn't ended otherwise than it should, and when streams are open at the end.

#![allow(
    clippy::unwrap_used,
    reason = "test code: a failure here fails the test"
)]

mod failure;
mod good;
mod misfit;
mod report;
mod tally;

use std::{process::ExitCode, sync::Arc, time::Duration};

use clap::Parser;
use humantime::parse_duration;
use ser_tests::server::channel_to;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};
use tonic::transport::Channel;

use self::{failure::Failure, good::Voices, misfit::Misfit, report::Report, tally::Tally};

/// One stream in so many misbehaves.
const MISFITS: usize = 20;
/// Streams that share a connection.
const SHARE: usize = 20;
/// Over this time streams begin, so that they don't all do the same at once.
const SPREAD: Duration = Duration::from_secs(10);
/// What the last streams may take to end, and the server to see it.
const ENDING: Duration = Duration::from_secs(60);

#[derive(Debug, Parser)]
struct Arguments {
    /// The server
    #[arg(long, default_value = "127.0.0.1:50051")]
    server: String,
    /// The server's metrics
    #[arg(long, default_value = "127.0.0.1:9464")]
    metrics: String,
    /// The server's process
    #[arg(long, value_name = "PID")]
    process: u32,
    /// Streams at once
    #[arg(long, default_value_t = 100)]
    streams: usize,
    /// How long new streams begin
    #[arg(long, value_parser = parse_duration, default_value = "30m")]
    duration: Duration,
    /// From one line of the report to the next
    #[arg(long, value_parser = parse_duration, default_value = "1m")]
    interval: Duration,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let voices = Arc::new(Voices::undisturbed(channel_to(&arguments.server).await).await);
    let tally = Arc::new(Tally::default());
    let end = Instant::now() + arguments.duration;
    let mut places = JoinSet::new();
    let mut channel = None;
    for place in 0..arguments.streams {
        if place % SHARE == 0 {
            channel = Some(channel_to(&arguments.server).await);
        }
        let place = Place {
            number: place,
            start: SPREAD.mul_f64(place as f64 / arguments.streams as f64),
            server: arguments.server.clone(),
            channel: channel.clone().expect("of the first place"),
            voices: Arc::clone(&voices),
            tally: Arc::clone(&tally),
        };
        places.spawn(place.take_turns(end));
    }

    let mut report = Report::new(&arguments, &tally).await;
    while Instant::now() < end {
        sleep_until(end.min(Instant::now() + arguments.interval)).await;
        report.line().await;
    }
    tokio::time::timeout(ENDING, places.join_all())
        .await
        .expect("the last streams end in time");
    if report.conclude(ENDING).await {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Where one stream after the other runs.
struct Place {
    number: usize,
    start: Duration,
    server: String,
    /// Of those that behave.
    channel: Channel,
    voices: Arc<Voices>,
    tally: Arc<Tally>,
}

impl Place {
    async fn take_turns(self, end: Instant) {
        sleep(self.start).await;
        for turn in 0.. {
            if Instant::now() >= end {
                return;
            }
            let outcome = if self.number % MISFITS == MISFITS - 1 {
                let misfit = Misfit::of(self.number / MISFITS + turn);
                let outcome = misfit.run(&self.server, &self.voices).await;
                self.tally.misfit(misfit, &outcome);
                outcome
            } else {
                let line = self.voices.line(self.number, turn);
                let outcome = line.speak(self.channel.clone(), &self.tally).await;
                self.tally.good(self.number, &outcome);
                outcome
            };
            if let Err(Failure::Refused { retry_after }) = outcome {
                sleep(retry_after).await;
            }
        }
    }
}
