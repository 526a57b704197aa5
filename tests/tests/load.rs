//! `ser-client bench` against servers whose lag is known, and the real one.
//!
//! What is claimed of times holds on the busiest machine: they are at least what the
//! server adds, and how many there are doesn't depend on how long they take.

use std::{
    path::Path,
    process::{Command, Output, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use ser_tests::{
    binaries::{self, sample},
    null_server::{Behaviour, InProcess},
    server::ServerProcess,
    stream::PATIENCE,
};
use serde_json::{Value, json};
use tokio::time::timeout;

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
fn lines(output: &Output, code: i32) -> (Vec<Value>, Value) {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{error}");
    let text = String::from_utf8(output.stdout.clone()).expect("UTF-8");
    let mut lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let last = lines.pop().expect("a last line");
    assert_eq!(last["type"], "bench");
    assert!(lines.iter().all(|step| step["type"] == "bench_step"));
    (lines, last)
}

fn run(url: &str, arguments: &str, code: i32) -> (Vec<Value>, Value) {
    let mut command = bench(url, arguments);
    let output = command.args(["--json", "--warm-up", "200ms"]).output();
    lines(&output.expect("it runs"), code)
}

/// Percentiles in seconds, in ascending order.
fn times(distribution: &Value) -> [f64; 6] {
    ["min", "p50", "p90", "p99", "p99_9", "max"]
        .map(|name| distribution[name].as_f64().expect("a time"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_delay_is_measured() {
    const DELAY: f64 = 0.25;
    let server = null_server(Behaviour {
        delay: |_| Duration::from_secs_f64(DELAY),
        ..Behaviour::default()
    });
    let server = server.await;
    let load = "--streams 5 --streams-per-connection 2 --threads 2 --duration 2s";
    let (steps, _) = run(&server.url(), load, 0);
    let [step] = &steps[..] else {
        panic!("one step: {steps:?}")
    };

    let lag = times(&step["lag"]);
    assert!(lag.is_sorted(), "{step}");
    assert!(lag[0] >= DELAY, "none comes before its time: {step}");
    assert!(
        lag[0] < 2.0 * DELAY,
        "not every one is held up by something else for so long: {step}"
    );
    // The delay that the server declares puts the sample that makes a result
    // computable into the chunk after the one that it covers, which was due 100 ms
    // before. Histograms keep three digits.
    for (covered, lag) in times(&step["covered_lag"]).into_iter().zip(lag) {
        assert!((covered - lag - 0.1).abs() < 0.002 * covered, "{step}");
    }
    // Each of 5 streams had 20 chunks due in 2 s, and each of them completes a hop.
    assert_eq!(step["results"], 100);
    assert_eq!(step["missing"], 0);
    assert_eq!(step["achieved"], 5);
    assert_eq!(step["connections"], 3);
    assert_eq!(server.traffic.connections(), 3);
    assert_eq!(server.traffic.most_streams(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_listening_cannot_hide_it() {
    // 768 KB a second fill the windows of HTTP/2 within the pause: the client is held
    // up, and sends chunks late that were due long ago.
    let server = null_server(Behaviour {
        pause: Some((Duration::from_millis(500), Duration::from_secs(2))),
        ..Behaviour::default()
    });
    let server = server.await;
    let load = "--rate 192000 --encoding f32le --duration 3s";
    let (steps, _) = run(&server.url(), load, 0);
    // 20 of the 30 results fell due in the pause, and waited for its end.
    let step = &steps[0];
    assert_eq!(step["results"], 30);
    let [_, p50, p90, .., max] = times(&step["lag"]);
    assert!(max >= 1.8 && p90 >= 1.5 && p50 >= 0.4, "{step}");
}

#[tokio::test(flavor = "multi_thread")]
async fn results_that_never_come_count_with_what_they_lagged() {
    let server = null_server(Behaviour {
        pause: Some((Duration::from_millis(500), 10 * PATIENCE)),
        ..Behaviour::default()
    });
    let server = server.await;
    let (steps, end) = run(&server.url(), "--duration 1s", 1);
    let step = &steps[0];
    assert_eq!(step["errors"], json!({"unfinished": 1}));
    assert_eq!(step["achieved"], 0);
    assert_eq!(end["sustained"], Value::Null);
    let [came, missing] = ["results", "missing"].map(|name| step[name].as_u64().unwrap());
    assert!(missing > 0 && came + missing == 10, "{step}");
    // The streams were given up 10 s after the last chunk was due.
    assert!(times(&step["lag"])[5] >= 10.0, "{step}");
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_counted_by_status() {
    let server = null_server(Behaviour {
        most_streams: 3,
        ..Behaviour::default()
    });
    let server = server.await;
    let (steps, end) = run(&server.url(), "--streams 5 --duration 500ms", 1);
    assert_eq!(steps[0]["errors"], json!({"resource_exhausted": 2}));
    assert_eq!(steps[0]["achieved"], 3);
    assert_eq!(steps[0]["within_max_lag"], false);
    assert_eq!(end["sustained"], Value::Null);

    let output = bench(&server.url(), "--streams 5 --duration 1ms --warm-up 1ms").output();
    let error = String::from_utf8(output.unwrap().stderr).unwrap();
    let expected = "2 of 5 streams failed (2 resource_exhausted)";
    assert!(error.contains(expected), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ramp_ends_where_the_lag_passes_the_limit() {
    let server = null_server(Behaviour {
        delay: |streams| Duration::from_secs(if streams > 2 { 3 } else { 0 }),
        ..Behaviour::default()
    });
    let server = server.await;
    let (steps, end) = run(&server.url(), "--ramp 1:8 --duration 500ms --max-lag 2s", 0);
    let of_all = |name: &str| -> Value { steps.iter().map(|step| step[name].clone()).collect() };
    assert_eq!(of_all("streams"), json!([1, 2, 4]));
    assert_eq!(of_all("within_max_lag"), json!([true, true, false]));
    assert_eq!(end["sustained"], 2);
    assert_eq!(server.traffic.most_streams(), 4);

    // Where not even the first step is within the limit, the run has failed.
    let load = "--streams 3 --duration 500ms --warm-up 200ms --max-lag 2s";
    let output = bench(&server.url(), load).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("with 3 streams"), "{error}");
    assert!(error.contains("--max-lag"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn json_has_every_field() {
    let server = null_server(Behaviour::default()).await;
    let load = format!("--duration 500ms --server-pid {}", std::process::id());
    let (steps, end) = run(&server.url(), &load, 0);
    let fields = |value: &Value| -> String {
        let mut names: Vec<_> = value.as_object().unwrap().keys().cloned().collect();
        names.sort();
        names.join(" ")
    };
    assert_eq!(
        fields(&steps[0]),
        "achieved client client_lateness client_was_late connections covered_lag errors lag \
         missing results server speech streams type within_max_lag"
    );
    assert_eq!(
        fields(&end),
        "chunk duration max_lag streams_per_connection sustained threads type warm_up"
    );
    for distribution in ["lag", "covered_lag", "client_lateness"] {
        let distribution = &steps[0][distribution];
        assert_eq!(fields(distribution), "max min p50 p90 p99 p99_9");
        assert!(times(distribution).is_sorted(), "{distribution}");
    }
    for process in ["client", "server"] {
        let process = &steps[0][process];
        assert_eq!(fields(process), "cores memory");
        assert!(process["memory"].as_u64().unwrap() > 1_000_000, "{process}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_get_a_table_and_a_picture() {
    let server = null_server(Behaviour::default()).await;
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("lag.svg");
    let output = bench(&server.url(), "--ramp 1:2 --duration 500ms --warm-up 200ms")
        .args([Path::new("--plot"), &picture])
        .output()
        .unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let table: Vec<_> = text.lines().take_while(|l| l.starts_with('|')).collect();
    assert_eq!(table.len(), 4, "a head, a rule and two steps: {text}");
    let columns = table[0].split('|').count();
    assert!(
        table.iter().all(|l| l.split('|').count() == columns),
        "{text}"
    );
    assert!(
        text.ends_with("2 streams ran with p99 within 20s.\n"),
        "{text}"
    );
    let picture = std::fs::read_to_string(picture).unwrap();
    assert!(picture.starts_with("<svg"), "{picture}");
    assert!(picture.contains("p99.9"), "{picture}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_shows_what_was_measured_until_then() {
    let server = null_server(Behaviour::default()).await;
    let bench = bench(&server.url(), "--json --warm-up 1ms --duration 1h")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let results = server.traffic.until_results(10);
    timeout(PATIENCE, results).await.expect("results in time");
    kill_process(Pid::from_child(&bench), Signal::INT).unwrap();
    let (steps, _) = lines(&bench.wait_with_output().unwrap(), 0);
    assert!(steps[0]["results"].as_u64().unwrap() > 0, "{}", steps[0]);
    assert_eq!(steps[0]["achieved"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_real_server_hears_is_speech() {
    let (server, _) = ServerProcess::ready().await;
    let speech = |audio: &str, files: &[&Path]| -> f64 {
        let observed = format!(
            "--duration 2s --warm-up 1500ms --server-pid {}",
            server.id()
        );
        let output = bench(
            &server.url(),
            &format!("{observed} --streams 3 --max-lag 20s --json {audio}"),
        )
        .args(files)
        .output();
        let (steps, _) = lines(&output.unwrap(), 0);
        // A stream has a result every 0.51 s.
        assert!(steps[0]["results"].as_u64().unwrap() >= 9, "{}", steps[0]);
        let cores = steps[0]["server"]["cores"].as_f64();
        assert!(cores.is_some_and(|cores| cores > 0.0), "{}", steps[0]);
        steps[0]["speech"].as_f64().unwrap()
    };
    assert_eq!(speech("--rate 16000", &[]), 1.0);
    assert_eq!(speech("--rate 8000 --encoding alaw", &[]), 1.0);
    let files = [
        &*sample("flat-22050.wav"),
        &*sample("high-48000-24bit.flac"),
    ];
    assert!(speech("--audio", &files) > 0.0);
}
