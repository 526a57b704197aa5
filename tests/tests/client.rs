//! The real client against the real server, on the sample audio.

use std::{
    fs::File,
    process::{Output, Stdio},
};

use bytes::Bytes;
use rustix::process::{Pid, Signal, kill_process};
use ser_features::AudioClip;
use ser_proto::v1::Encoding;
use ser_tests::{
    audio, binaries,
    binaries::sample,
    program::run,
    server::{ServerProcess, until_serving},
    stream::{RawStream, config, recognise},
};
use serde_json::Value;
use tonic_health::pb::health_check_response::ServingStatus;

/// Runs `ser-client` with `arguments` against `server`, standard input from
/// `input` if there is one.
fn client(server: &ServerProcess, arguments: &[&str], input: Option<&str>) -> Output {
    let input = input.map_or_else(Stdio::null, |name| {
        File::open(sample(name)).expect("a sample").into()
    });
    binaries::command("ser-client")
        .args(["--server", &server.url()])
        .args(arguments)
        .stdin(input)
        .output()
        .expect("ser-client runs")
}

/// The JSON lines of a stream that must succeed.
fn events(server: &ServerProcess, file: &str, options: &[&str]) -> Vec<Value> {
    let path = sample(file);
    let arguments = [
        &["stream", path.to_str().expect("UTF-8"), "--fast", "--json"],
        options,
    ]
    .concat();
    lines(&client(server, &arguments, None))
}

fn lines(output: &Output) -> Vec<Value> {
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {error}", output.status);
    let text = String::from_utf8(output.stdout.clone()).expect("UTF-8");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

fn of_type<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events
        .iter()
        .filter(|event| event["type"] == kind)
        .collect()
}

fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("{value} is no number"))
}

#[tokio::test(flavor = "multi_thread")]
async fn results_lie_on_the_grid_of_the_seed_model() {
    let (server, _) = ServerProcess::ready().await;
    let events = events(&server, "demo.wav", &[]);
    let (hop, window) = (11_264.0 / 22_050.0, 66_048.0 / 22_050.0);

    let started = &events[0];
    assert_eq!(started["type"], "started");
    assert!((number(&started["hop"]) - hop).abs() < 1e-6);
    assert!((number(&started["window"]) - window).abs() < 1e-6);
    assert!(number(&started["algorithmic_delay"]) <= 0.030);
    assert_eq!(started["model"]["name"], "tess-lstm");
    assert_eq!(started["model"]["labels"].as_array().unwrap().len(), 7);
    assert_eq!(started["audio"]["sample_rate"], 16_000);

    let results = of_type(&events, "result");
    let mut new_start = 0.0;
    for (at, result) in results.iter().enumerate() {
        let (start, end) = (number(&result["start"]), number(&result["end"]));
        assert_eq!(result["sequence"], at);
        assert!((number(&result["new_start"]) - new_start).abs() < 1e-6);
        if at + 1 < results.len() {
            // The first window of at least a second is two hops long.
            let on_grid = (at + 2) as f64 * hop;
            assert!((end - on_grid).abs() < 1e-6, "{result}");
            assert!((start - (end - window).max(0.0)).abs() < 1e-6, "{result}");
            assert_eq!(result["trigger"], "interval");
            assert_eq!(result["end_sample"], (on_grid * 16_000.0).ceil());
        }
        if result["verdict"] == "no_speech" {
            assert!(result["label"].is_null());
        } else {
            let scores = result["scores"].as_array().unwrap();
            let sum: f64 = scores
                .iter()
                .map(|score| number(&score["probability"]))
                .sum();
            assert!((sum - 1.0).abs() < 1e-5, "{result}");
            assert_eq!(result["label"], scores[0]["label"]);
        }
        new_start = end;
    }
    let last = results.last().expect("results");
    let clip = AudioClip::read(&sample("demo.wav")).unwrap();
    assert_eq!(last["trigger"], "end_of_stream");
    assert_eq!(last["end_sample"], clip.samples.len());

    let [summary] = of_type(&events, "summary")[..] else {
        panic!("one summary")
    };
    assert_eq!(summary["received_samples"], clip.samples.len());
    assert_eq!(summary["results"], results.len());
    let covered = number(&summary["classified"]) + number(&summary["no_speech"]);
    assert!(
        (covered - number(&summary["received"])).abs() < 1e-9,
        "{summary}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_says_what_the_protocol_says() {
    let (server, channel) = ServerProcess::ready().await;
    let events = events(&server, "demo.wav", &["--chunk", "35ms"]);
    let clip = AudioClip::read(&sample("demo.wav")).unwrap();
    let chunks = audio::s16le(&clip.samples);
    let chunks: Vec<_> = chunks.chunks(4_000).map(Bytes::copy_from_slice).collect();
    let transcript = recognise(channel, config(Encoding::S16le, 16_000), chunks).await;
    assert_eq!(transcript.error, None);

    let results = of_type(&events, "result");
    assert_eq!(results.len(), transcript.results.len());
    for (printed, result) in results.into_iter().zip(&transcript.results) {
        assert_eq!(printed["label"].as_str(), result.label.as_deref());
        let probabilities: Vec<_> = printed["scores"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|score| number(&score["probability"]) as f32)
            .collect();
        let expected: Vec<_> = result
            .scores
            .iter()
            .map(|score| score.probability)
            .collect();
        assert_eq!(probabilities, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_format_of_the_samples_is_recognised() {
    let (server, _) = ServerProcess::ready().await;
    let files = [
        ("flat-22050.wav", 22_050),
        ("high-48000-24bit.flac", 48_000),
        ("low-16000-24bit.wav", 16_000),
        ("german-24000-float.wav", 24_000),
    ];
    for (file, rate) in files {
        let events = events(&server, file, &[]);
        assert_eq!(events[0]["audio"]["sample_rate"], rate, "{file}");
        let [summary] = of_type(&events, "summary")[..] else {
            panic!("one summary: {file}")
        };
        assert!(summary["overall_label"].is_string(), "{file}: {summary}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn separate_channels_are_recognised_each_on_its_own() {
    let (server, _) = ServerProcess::ready().await;
    let file = "call-44100-stereo.flac";
    let both = events(&server, file, &["--channel-policy", "separate"]);
    assert_eq!(of_type(&both, "summary").len(), 2);
    for channel in 0..2_u32 {
        let alone = events(
            &server,
            file,
            &["--channel-policy", &format!("pick:{channel}")],
        );
        let strip = |events: Vec<&Value>| -> Vec<Value> {
            let mut events: Vec<_> = events.into_iter().cloned().collect();
            for event in &mut events {
                let fields = event.as_object_mut().unwrap();
                fields.remove("sequence");
                fields.remove("channel");
            }
            events
        };
        let mine = both
            .iter()
            .filter(|event| event["channel"] == channel && event["type"] == "result");
        let mine = strip(mine.collect());
        assert!(mine.len() > 3);
        assert_eq!(mine, strip(of_type(&alone, "result")), "channel {channel}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn raw_audio_from_standard_input_is_the_file_without_its_header() {
    let (server, _) = ServerProcess::ready().await;
    let raw = [
        "stream",
        "-",
        "--rate",
        "8000",
        "--encoding",
        "mulaw",
        "--json",
    ];
    let raw = lines(&client(&server, &raw, Some("telephone-8000.ulaw")));
    let file = events(&server, "telephone-8000-mulaw.wav", &[]);
    assert_eq!(of_type(&raw, "result"), of_type(&file, "result"));
    let [warning] = of_type(&raw, "warning")[..] else {
        panic!("one warning")
    };
    assert_eq!(warning["code"], "narrow_band");
}

#[tokio::test(flavor = "multi_thread")]
async fn models_and_health_are_shown() {
    let (server, channel) = ServerProcess::ready().await;
    let models = lines(&client(&server, &["models", "--json"], None));
    let [model] = &models[..] else {
        panic!("one model: {models:?}")
    };
    assert_eq!(
        (&model["name"], &model["is_default"]),
        (&"tess-lstm".into(), &true.into())
    );
    assert_eq!(
        (&model["backend"], &model["batch_invariant"]),
        (&"burn".into(), &true.into())
    );
    let health = lines(&client(&server, &["health", "--json"], None));
    assert_eq!(health[0]["status"], "serving");
    drop(channel);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_config_that_the_server_refuses_is_explained() {
    let (server, _) = ServerProcess::ready().await;
    let path = sample("demo.wav");
    let output = client(
        &server,
        &["stream", path.to_str().unwrap(), "--top-k", "9"],
        None,
    );
    assert!(!output.status.success());
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.contains("config.options.top_k: 9; expected 1 to 7"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sigint_half_closes_and_the_summary_is_printed() {
    use std::io::{BufRead, BufReader};

    let (server, channel) = ServerProcess::ready().await;
    let mut child = binaries::command("ser-client")
        .args([
            "--server",
            &server.url(),
            "stream",
            sample("demo.wav").to_str().unwrap(),
            "--json",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut events = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next =
        || -> Option<Value> { Some(serde_json::from_str(&events.next()?.unwrap()).unwrap()) };
    while next().expect("a result while audio is still sent")["type"] != "result" {}
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let summary = std::iter::from_fn(&mut next).last().expect("a summary");
    assert_eq!(summary["type"], "summary");
    let all = AudioClip::read(&sample("demo.wav")).unwrap().samples.len() as f64;
    assert!(number(&summary["received_samples"]) < all, "{summary}");
    assert!(child.wait().unwrap().success());
    ser_tests::server::until_health(channel, ServingStatus::Serving).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_server_is_passed_over() {
    let limits = [
        ("SER__LIMITS__OPEN_STREAMS", "1"),
        ("SER__LIMITS__IDLE", "10m"),
    ];
    let full = ServerProcess::start(&[], &limits);
    let channel = full.channel().await;
    until_serving(channel.clone()).await;
    let mut only = RawStream::open(channel).await;
    only.config(config(Encoding::S16le, 16_000)).await;
    only.next().await.expect("the start");

    let demo = sample("demo.wav").display().to_string();
    let stream = |servers: &str, patience: &str| {
        let mut client = binaries::command("ser-client");
        client.args(["stream", &demo, "--fast", "--server", servers]);
        client.args(["--connect-timeout", patience]);
        run(client)
    };
    let refused = stream(&full.url(), "1s").await;
    refused.assert(
        3,
        &["streams: 1 open; expected at most 1", "try again later"],
    );

    let (idle, _) = ServerProcess::ready().await;
    let servers = format!("{},{}", full.url(), idle.url());
    for _ in 0..3 {
        stream(&servers, "30s").await.assert(0, &[]);
    }
}
