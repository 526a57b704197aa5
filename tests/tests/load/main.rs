//! `ser-client bench` against servers whose lag is known, and the real one.
//!
//! What is claimed of times holds on the busiest machine: they are at least what the
//! server adds, and how many there are doesn't depend on how long they take.

mod failures;
mod lag;
mod output;
mod ramp;

use std::{path::Path, process::Command, time::Duration};

use rustix::process::Signal;
use ser_tests::{
    audio,
    binaries::{self, sample},
    null_server::{Behaviour, InProcess},
    program::{self, Ended, Program},
    server::ServerProcess,
    stream::PATIENCE,
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, time::timeout};

/// A null server with ten results a second.
async fn null_server(behaviour: Behaviour) -> InProcess {
    let behaviour = Behaviour {
        hop: Duration::from_millis(100),
        ..behaviour
    };
    InProcess::start(behaviour).await.expect("it starts")
}

fn bench(url: &str, arguments: &str) -> Command {
    let mut command = binaries::command("ser-client");
    command
        .args(["--server", url, "bench"])
        .args(arguments.split(' '));
    if !arguments.contains("--max-lag") {
        command.args(["--max-lag", "20s"]);
    }
    command
}

/// The steps and the last line of a run that ends with `code`.
fn lines(ended: &Ended, code: i32) -> (Vec<Value>, Value) {
    ended.assert(code, &[]);
    let lines = ended.stdout.lines();
    let mut lines: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let last = lines.pop().expect("a last line");
    assert_eq!(last["type"], "bench");
    assert!(lines.iter().all(|step| step["type"] == "bench_step"));
    (lines, last)
}

async fn run(url: &str, arguments: &str, code: i32) -> (Vec<Value>, Value) {
    let arguments = format!("{arguments} --json --warm-up 200ms");
    lines(&program::run(bench(url, &arguments)).await, code)
}

/// Percentiles in seconds, in ascending order.
fn times(distribution: &Value) -> [f64; 6] {
    ["min", "p50", "p90", "p99", "p99_9", "max"]
        .map(|name| distribution[name].as_f64().expect("a time"))
}
