//! What is shown, and when a run ends early.

use super::*;

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
