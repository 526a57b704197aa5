//! JSON lines for programs. Field names are stable.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    time::Duration,
};

use ser_client::Error;
use serde::Serialize;

use super::{speech_percent, sustained};
use crate::{
    cli::BenchArgs,
    commands::bench::{Step, Times, Usage},
    output::json::write_line,
};

/// The reference of the format, part of the help of `bench`.
pub(crate) const BENCH_HELP: &str = r#"JSON lines (--json): one object a line, `type` first. Times are seconds.

  bench_step  once for each number of streams: streams, connections, measured (how
              long), interrupted, achieved (streams that went well to the end), resumed
              (how often streams broke and went on; 0 without --resume), errors
              {status: streams}, first_error (what the first of them said), refused
              (how long streams waited to hear resource_exhausted), asked_back (those
              of them that were told when to come back), results,
              missing (results that were due on streams that failed, and never came;
              they count with what they lagged until the step was over), speech (share
              of the results, 0 to 1), lag, covered_lag, client_lateness,
              client_was_late, client, server, within_max_lag
              lag: from the instant at which the chunk was due that makes a result
              computable; covered_lag: from the chunk that holds the covered sample;
              client_lateness: how late this client was with what was due. These and refused
              are {min, p50, p90, p99, p99_9, max}; absent where there is none.
              client, server: {cores (processor time by time), memory (bytes)}
  bench       once, last: sustained (the most streams within max_lag, absent if none),
              max_lag, chunk, streams_per_connection, threads, warm_up, duration

Status: what the server sent, such as resource_exhausted; or unreachable, lost, protocol,
silent (also when a connection has more streams than the server allows), not_opened
(after that, or after another connection had failed), unfinished (results still due 10 s
after the last chunk). A stream is opened once: what a server refuses is counted, and not
tried again."#;

#[derive(Serialize)]
struct StepLine<'a> {
    r#type: &'static str,
    streams: usize,
    connections: usize,
    measured: f64,
    interrupted: bool,
    achieved: usize,
    resumed: usize,
    errors: &'a BTreeMap<String, usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<Distribution>,
    asked_back: u64,
    results: u64,
    missing: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    speech: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lag: Option<Distribution>,
    #[serde(skip_serializing_if = "Option::is_none")]
    covered_lag: Option<Distribution>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_lateness: Option<Distribution>,
    client_was_late: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<Used>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<Used>,
    within_max_lag: bool,
}

#[derive(Serialize)]
struct LastLine {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sustained: Option<usize>,
    max_lag: f64,
    chunk: f64,
    streams_per_connection: usize,
    threads: usize,
    warm_up: f64,
    duration: f64,
}

#[derive(Serialize)]
struct Distribution {
    min: f64,
    p50: f64,
    p90: f64,
    p99: f64,
    p99_9: f64,
    max: f64,
}

impl Distribution {
    fn of(times: &Times) -> Option<Self> {
        let percentile = |percent| times.percentile(percent).as_secs_f64();
        (times.len() > 0).then(|| Self {
            min: times.min().as_secs_f64(),
            p50: percentile(50.0),
            p90: percentile(90.0),
            p99: percentile(99.0),
            p99_9: percentile(99.9),
            max: times.max().as_secs_f64(),
        })
    }
}

#[derive(Serialize)]
struct Used {
    cores: f64,
    memory: u64,
}

impl From<Usage> for Used {
    fn from(usage: Usage) -> Self {
        Self {
            cores: usage.cores,
            memory: usage.memory,
        }
    }
}

/// One number of streams as one line.
pub(crate) fn write_step(out: &mut impl Write, args: &BenchArgs, step: &Step) -> io::Result<()> {
    let tally = &step.tally;
    write_line(
        out,
        &StepLine {
            r#type: "bench_step",
            streams: step.streams,
            connections: tally.connections,
            measured: step.measured.as_secs_f64(),
            interrupted: step.interrupted,
            achieved: tally.achieved,
            resumed: tally.resumed,
            errors: &tally.errors,
            first_error: tally.first_error.as_ref().map(Error::to_string),
            refused: Distribution::of(&tally.refused),
            asked_back: tally.asked_back,
            results: tally.results(),
            missing: tally.missing,
            speech: speech_percent(tally).map(|percent| percent / 100.0),
            lag: Distribution::of(&tally.lag),
            covered_lag: Distribution::of(&tally.covered),
            client_lateness: Distribution::of(&tally.lateness),
            client_was_late: step.client_was_late(args.max_lag),
            client: step.client.map(Used::from),
            server: step.server.map(Used::from),
            within_max_lag: step.is_within(args.max_lag),
        },
    )
}

/// All of them as one line.
pub(crate) fn write_end(out: &mut impl Write, args: &BenchArgs, steps: &[Step]) -> io::Result<()> {
    let seconds = Duration::as_secs_f64;
    write_line(
        out,
        &LastLine {
            r#type: "bench",
            sustained: sustained(steps, args.max_lag),
            max_lag: seconds(&args.max_lag),
            chunk: seconds(&args.chunk),
            streams_per_connection: args.streams_per_connection.get(),
            threads: args.threads(),
            warm_up: seconds(&args.warm_up),
            duration: seconds(&args.duration),
        },
    )
}
