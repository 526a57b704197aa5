//! `ser-client bench` against servers whose lag is known, and the real one.
//!
//! What is claimed of times holds on the busiest machine: they are at least what the
//! server adds, and how many there are doesn't depend on how long they take.

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

#[tokio::test(flavor = "multi_thread")]
async fn a_known_delay_is_measured() {
    const DELAY: f64 = 0.25;
    let server = null_server(Behaviour {
        delay: |_| Duration::from_secs_f64(DELAY),
        ..Behaviour::default()
    });
    let server = server.await;
    let load = "--streams 5 --streams-per-connection 2 --threads 2 --duration 2s";
    let (steps, _) = run(&server.url(), load, 0).await;
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
    let (steps, _) = run(&server.url(), load, 0).await;
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
    let (steps, end) = run(&server.url(), "--duration 1s", 1).await;
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
    let (steps, end) = run(&server.url(), "--streams 5 --duration 500ms", 1).await;
    assert_eq!(steps[0]["errors"], json!({"resource_exhausted": 2}));
    assert_eq!(steps[0]["achieved"], 3);
    assert!(times(&steps[0]["refused"])[0] > 0.0, "{}", steps[0]);
    assert_eq!(steps[0]["asked_back"], 0);
    assert_eq!(steps[0]["within_max_lag"], false);
    assert_eq!(end["sustained"], Value::Null);

    let arguments = "--streams 5 --duration 1ms --warm-up 1ms";
    let ended = program::run(bench(&server.url(), arguments)).await;
    let said = "streams: 3 open; expected at most 3";
    let failed = "2 of 5 streams failed (2 resource_exhausted)";
    ended.assert(1, &[failed, said, "hint: "]);
    assert!(ended.stdout.contains(said), "{}", ended.stdout);
    let refused = "5 streams: 2 refused for want of room, after ";
    assert!(ended.stdout.contains(refused), "{}", ended.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_refuses_is_not_tried_again() {
    let server = null_server(Behaviour {
        refused: |number| number < 2,
        ..Behaviour::default()
    });
    let server = server.await;
    let (steps, _) = run(&server.url(), "--streams 5 --duration 500ms", 1).await;
    assert_eq!(steps[0]["errors"], json!({"unavailable": 2}));
    assert_eq!(steps[0]["achieved"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_break_leave_no_results_out() {
    let server = null_server(Behaviour {
        broken: |number| (number < 2).then_some(Duration::from_millis(800)),
        ..Behaviour::default()
    });
    let server = server.await;
    let (steps, _) = run(&server.url(), "--streams 4 --duration 2s", 1).await;
    let step = &steps[0];
    assert_eq!(step["errors"], json!({"unavailable": 2}));
    assert_eq!(step["achieved"], 2);
    let [came, missing] = ["results", "missing"].map(|name| step[name].as_u64().unwrap());
    // Each of 4 streams had 20 results due. Before it breaks, one has 7 at most.
    assert!(missing >= 2 * 13 && came + missing == 80, "{step}");
    assert!(times(&step["lag"])[5] >= 1.0, "{step}");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_are_resumed_leave_no_results_out() {
    // Each stream breaks once, or is told to leave; the number is of the attempt.
    let breaking = Behaviour {
        broken: |number| (number < 2).then_some(Duration::from_millis(800)),
        goes_away: |number| {
            (2..4)
                .contains(&number)
                .then_some(Duration::from_millis(800))
        },
        ..Behaviour::default()
    };
    let [one, other] = [null_server(breaking).await, null_server(breaking).await];
    let servers = format!("{},{}", one.url(), other.url());
    let load = "--streams 8 --duration 2s --resume";
    let (steps, _) = run(&servers, load, 0).await;
    let step = &steps[0];
    assert_eq!(
        (&step["errors"], &step["achieved"]),
        (&json!({}), &json!(8))
    );
    assert_eq!(
        (&step["results"], &step["missing"]),
        (&json!(160), &json!(0))
    );
    let resumed = step["resumed"].as_u64().expect("a number");
    assert!((1..=8).contains(&resumed), "{step}");

    let breaking = Behaviour {
        goes_away: |_| None,
        ..breaking
    };
    let table = "--streams 2 --duration 1s --warm-up 200ms --resume";
    let ended = program::run(bench(&null_server(breaking).await.url(), table)).await;
    ended.assert(0, &[]);
    let told = "2 streams: 2 resumptions, with no result left out.";
    assert!(ended.stdout.contains(told), "{}", ended.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_lost_is_told_from_one_that_is_slow() {
    let server = null_server(Behaviour {
        broken: |_| Some(Duration::from_millis(300)),
        ..Behaviour::default()
    });
    let server = server.await;
    let load = "--streams 2 --duration 2s --warm-up 1ms";
    let ended = program::run(bench(&server.url(), load)).await;
    let failed = "2 of 2 streams failed (2 unavailable)";
    ended.assert(3, &[failed, "server: shutting down", "hint: "]);
    let told = "2 streams: 0 ran to the end";
    assert!(ended.stdout.contains(told), "{}", ended.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_with_too_many_streams_stays_one() {
    let server = null_server(Behaviour {
        most_streams_per_connection: Some(2),
        ..Behaviour::default()
    });
    let server = server.await;
    let load = "--streams 5 --streams-per-connection 5 --duration 500ms --answer-timeout 5s";
    let (steps, _) = run(&server.url(), load, 1).await;
    assert_eq!(steps[0]["errors"], json!({"silent": 1, "not_opened": 2}));
    assert_eq!(steps[0]["achieved"], 2);
    assert_eq!(steps[0]["connections"], 1);
    assert_eq!(server.traffic.connections(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_ends_the_opening_of_streams() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let load = "--streams 100 --streams-per-connection 100 --answer-timeout 1h --json";
    let bench = Program::start(bench(&url, load));
    let connection = timeout(PATIENCE, listener.accept());
    let _connection = connection.await.expect("a connection in time").unwrap();
    bench.signal(Signal::INT);
    let (steps, end) = lines(&bench.end().await, 0);
    assert_eq!(steps[0]["interrupted"], true);
    assert_eq!(steps[0]["errors"], json!({}));
    assert_eq!(end["sustained"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ramp_ends_where_the_lag_passes_the_limit() {
    let server = null_server(Behaviour {
        delay: |streams| Duration::from_secs(if streams > 2 { 3 } else { 0 }),
        ..Behaviour::default()
    });
    let server = server.await;
    let (steps, end) = run(&server.url(), "--ramp 1:8 --duration 500ms --max-lag 2s", 0).await;
    let of_all = |name: &str| -> Value { steps.iter().map(|step| step[name].clone()).collect() };
    assert_eq!(of_all("streams"), json!([1, 2, 4]));
    assert_eq!(of_all("within_max_lag"), json!([true, true, false]));
    assert_eq!(end["sustained"], 2);
    assert_eq!(server.traffic.most_streams(), 4);

    // Where not even the first step is within the limit, the run has failed.
    let load = "--streams 3 --duration 500ms --warm-up 200ms --max-lag 2s";
    let ended = program::run(bench(&server.url(), load)).await;
    ended.assert(1, &["with 3 streams", "--max-lag"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ramp_ends_where_streams_fail() {
    let server = null_server(Behaviour {
        most_streams: 3,
        ..Behaviour::default()
    });
    let server = server.await;
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("lag.svg");
    let load = format!("--ramp 1:8 --duration 500ms --plot {}", picture.display());
    let (steps, end) = run(&server.url(), &load, 0).await;
    assert_eq!(steps.len(), 3);
    assert_eq!(steps[2]["errors"], json!({"resource_exhausted": 1}));
    assert_eq!(end["sustained"], 2);
    // On each of four curves, two steps: the third is that of three streams.
    let picture = std::fs::read_to_string(picture).unwrap();
    assert_eq!(picture.matches("<circle").count(), 4 * 2, "{picture}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ramp_whose_server_is_lost_has_failed() {
    let server = null_server(Behaviour {
        refused: |number| number > 0,
        ..Behaviour::default()
    });
    let server = server.await;
    let (steps, end) = run(&server.url(), "--ramp 1:8 --duration 500ms", 3).await;
    assert_eq!(steps[1]["errors"], json!({"unavailable": 2}));
    assert_eq!(end["sustained"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn json_has_every_field() {
    let server = null_server(Behaviour::default()).await;
    let load = format!("--duration 500ms --server-pid {}", std::process::id());
    let (steps, end) = run(&server.url(), &load, 0).await;
    let fields = |value: &Value| -> String {
        let mut names: Vec<_> = value.as_object().unwrap().keys().cloned().collect();
        names.sort();
        names.join(" ")
    };
    assert_eq!(
        fields(&steps[0]),
        "achieved asked_back client client_lateness client_was_late connections covered_lag errors \
         interrupted lag measured missing results resumed server speech streams type \
         within_max_lag"
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
    let mut command = bench(&server.url(), "--ramp 1:2 --duration 500ms --warm-up 200ms");
    command.args([Path::new("--plot"), &picture]);
    let ended = program::run(command).await;
    ended.assert(0, &[]);
    let text = ended.stdout;
    let table: Vec<_> = text.lines().take_while(|l| l.starts_with('|')).collect();
    let mut names: Vec<_> = table[0].split('|').map(str::trim).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(table.len(), 4, "a head, a rule and two steps: {text}");
    let columns = table[0].split('|').count();
    // Before the first bar there is as little as after the last.
    assert_eq!(names.len(), columns - 1, "no name twice: {text}");
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
    let bench = bench(&server.url(), "--json --warm-up 1ms --duration 1h");
    let bench = Program::start(bench);
    let results = server.traffic.until_results(10);
    timeout(PATIENCE, results).await.expect("results in time");
    bench.signal(Signal::INT);
    let (steps, end) = lines(&bench.end().await, 0);
    let step = &steps[0];
    assert!(step["results"].as_u64().unwrap() > 0, "{step}");
    assert_eq!(step["achieved"], 1);
    assert_eq!(step["interrupted"], true);
    let measured = step["measured"].as_f64().unwrap();
    assert!(measured > 0.0 && measured < 3_600.0, "{step}");
    assert_eq!(
        step["within_max_lag"], false,
        "it would have run for an hour"
    );
    assert_eq!(end["sustained"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_or_written_is_told_before_anything_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.wav");
    std::fs::write(&empty, audio::wav(16_000, 1, &[])).unwrap();
    let nowhere = folder.path().join("none").join("lag.svg");
    for (option, path) in [("--audio", &empty), ("--plot", &nowhere)] {
        // Nobody is there.
        let mut command = bench("http://127.0.0.1:1", "--streams 2");
        command.arg(option).arg(path);
        let ended = program::run(command).await;
        ended.assert(1, &[path.to_str().unwrap()]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_real_server_hears_is_speech() {
    let (server, _) = ServerProcess::ready().await;
    let speech = async |audio: &str, files: &[&Path]| -> f64 {
        let observed = format!(
            "--duration 2s --warm-up 1500ms --server-pid {}",
            server.id()
        );
        let arguments = format!("{observed} --streams 3 --max-lag 20s --json {audio}");
        let mut command = bench(&server.url(), &arguments);
        command.args(files);
        let (steps, _) = lines(&program::run(command).await, 0);
        // A stream has a result every 0.51 s.
        assert!(steps[0]["results"].as_u64().unwrap() >= 9, "{}", steps[0]);
        let cores = steps[0]["server"]["cores"].as_f64();
        assert!(cores.is_some_and(|cores| cores > 0.0), "{}", steps[0]);
        steps[0]["speech"].as_f64().unwrap()
    };
    assert_eq!(speech("--rate 16000", &[]).await, 1.0);
    assert_eq!(speech("--rate 8000 --encoding alaw", &[]).await, 1.0);
    let files = [
        &*sample("flat-22050.wav"),
        &*sample("high-48000-24bit.flac"),
    ];
    assert!(speech("--audio", &files).await > 0.0);
}
