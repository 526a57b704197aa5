//! Clients that mean harm, over raw HTTP/2, and what good streams notice of them.

#![allow(
    clippy::unwrap_used,
    reason = "test code: a failure here fails the test"
)]

use std::{
    collections::BTreeMap, env, net::SocketAddr, path::Path, process::Stdio, time::Duration,
};

use bytes::Bytes;
use ser_proto::v1::Encoding;
use ser_server::config::Config;
use ser_tests::{
    audio,
    memory::Memory,
    server::{ServerProcess, until_serving},
    stream::{PATIENCE, RawStream, Transcript, config, recognise},
};
use tokio::{
    process::Command,
    sync::watch,
    time::{Instant, sleep_until},
};
use tonic::transport::Channel;

const RATE: u32 = 16_000;
const CHUNK: Duration = Duration::from_millis(100);
/// Good streams, a connection each.
const GOOD: u32 = 4;

/// The most memory that the server may come to have, in bytes: 66 MiB were measured, and
/// half as much again is for allocators and machines that differ.
const CEILING: u64 = 99 << 20;

/// Limits that attacks reach within seconds, in the server's process and in this one.
const LIMITS: [(&str, &str); 10] = [
    ("SER__SERVER__HANDSHAKE", "2s"),
    ("SER__SERVER__CONNECTIONS", "300"),
    ("SER__LIMITS__FIRST_MESSAGE", "2s"),
    ("SER__LIMITS__IDLE", "5s"),
    ("SER__LIMITS__UNREAD", "2s"),
    ("SER__LIMITS__CLIP_DEADLINE", "8s"),
    ("SER__HEALTH__LISTEN", "127.0.0.1:0"),
    ("SER__LIMITS__OPEN_STREAMS", "120"),
    ("SER__LIMITS__OPEN_CLIPS", "1"),
    ("SER__OVERLOAD__BURST", "1000"),
];

fn limited() -> Config {
    let mut config = Config::default();
    let count = |number: usize| number.try_into().expect("not zero");
    config.server.connections = count(300);
    config.limits.open_streams = count(120);
    config.limits.open_clips = count(1);
    config
}

/// How each attack may end: RFC 9113's error 11 is ENHANCE_YOUR_CALM, 3 is
/// FLOW_CONTROL_ERROR, 6 FRAME_SIZE_ERROR, 1 PROTOCOL_ERROR; gRPC's status 4 is
/// DEADLINE_EXCEEDED, 8 RESOURCE_EXHAUSTED, 11 OUT_OF_RANGE, 3 INVALID_ARGUMENT, and 0
/// that all is well. "nothing" is a server that waits
/// for the client to read, and takes no more of it meanwhile.
fn expected() -> BTreeMap<&'static str, &'static [&'static str]> {
    BTreeMap::from([
        ("slow_loris", ["closed"].as_slice()),
        ("reset_flood", &["goaway 11"]),
        ("ping_flood", &["nothing", "closed"]),
        ("settings_flood", &["nothing", "closed"]),
        ("continuation_flood", &["goaway 11"]),
        ("huge_headers", &["goaway 11"]),
        ("huge_message", &["status 11"]),
        ("empty_data", &["goaway 11"]),
        ("tiny_data", &["nothing", "goaway 11", "reset 0"]),
        (
            "closed_window",
            &["nothing", "reset 0", "reset 8", "status 4", "status 8"],
        ),
        ("half_open", &["status 4", "status 8", "reset 0"]),
        ("garbage", &["closed", "goaway 1", "goaway 6"]),
        ("window_overflow", &["goaway 3"]),
        ("churn", &["status 0"]),
        ("empty_tensors", &["status 3"]),
        ("large_names", &["status 11"]),
        ("silent_questions", &["status 0", "status 4", "status 8"]),
        ("silent_talks", &["status 4", "status 8"]),
        ("silent_clips", &["status 4", "status 8"]),
        ("unread_clips", &["begun", "status 8"]),
        ("watches", &["status 0", "status 8"]),
        ("probe_questions", &["status 0", "status 8"]),
        ("probe_hoard", &["status 0"]),
    ])
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs SER_PYTHON"]
async fn attacks_end_and_good_streams_go_on() {
    let server = ServerProcess::start(&[], &LIMITS);
    until_serving(server.channel().await).await;
    let mut undisturbed = Vec::new();
    for seed in 0..GOOD {
        let speech = speech(seed, 10.0);
        undisturbed.push(recognise(server.channel().await, bulk(), speech).await);
    }

    let (attacking, attacked) = watch::channel(true);
    let mut good = Vec::new();
    for seed in 0..GOOD {
        let channel = server.channel().await;
        good.push(tokio::spawn(speak(channel, seed, attacked.clone())));
    }
    let mut ends = attack(server.address(), &[]).await;
    let (health, _) = server.until_said("health alone on ", 0).await;
    ends.extend(attack(address(&health), &["probe_questions", "probe_hoard"]).await);
    attacking.send_replace(false);
    for (stream, undisturbed) in good.into_iter().zip(undisturbed) {
        for transcript in stream.await.unwrap() {
            assert_eq!(transcript.error, None);
            assert_eq!(transcript.results, undisturbed.results);
        }
    }

    let expected = expected();
    assert_eq!(ends.len(), expected.len(), "{ends:?}");
    for (attack, ends) in &ends {
        assert!(!ends.is_empty(), "{attack} never ended");
        for end in ends {
            let known = expected[attack.as_str()].contains(&end.as_str());
            assert!(known, "{attack} ended with {end}");
        }
    }
    // Attacks on what there may be many of end in every way.
    for attack in [
        "silent_questions",
        "silent_talks",
        "silent_clips",
        "unread_clips",
        "watches",
        "probe_questions",
    ] {
        assert_eq!(ends[attack], expected[attack], "{attack}");
    }
    let most = Memory::of(server.id()).peak;
    println!("at most {} KiB", most >> 10);
    assert!(most <= CEILING, "{most} of at most {CEILING} bytes");
    let bound = limited().memory_bound();
    assert!(CEILING <= bound, "{CEILING} of at most {bound} bytes");
}

/// What a line of the log says that something listens on.
fn address(line: &str) -> SocketAddr {
    let event: serde_json::Value = serde_json::from_str(line).unwrap();
    event["address"].as_str().unwrap().parse().unwrap()
}

/// Chunks of a voice that results are the same of, however they are sent.
fn speech(seed: u32, seconds: f32) -> Vec<Bytes> {
    let samples = audio::voice(RATE, seconds, seed);
    let chunk = RATE as usize / 10 * 2;
    let bytes = audio::s16le(&samples);
    bytes.chunks(chunk).map(Bytes::copy_from_slice).collect()
}

fn bulk() -> ser_proto::v1::StreamingConfig {
    ser_proto::v1::StreamingConfig {
        pace: ser_proto::v1::Pace::Bulk.into(),
        ..config(Encoding::S16le, RATE)
    }
}

/// Speaks the same ten seconds over and over, in real time, while attacks go on.
async fn speak(channel: Channel, seed: u32, attacked: watch::Receiver<bool>) -> Vec<Transcript> {
    let mut transcripts = Vec::new();
    while *attacked.borrow() {
        let mut stream = RawStream::open(channel.clone()).await;
        stream.config(config(Encoding::S16le, RATE)).await;
        let start = Instant::now();
        for (at, chunk) in (1..).zip(speech(seed, 10.0)) {
            sleep_until(start + CHUNK * at).await;
            stream.audio(chunk).await;
        }
        stream.half_close();
        transcripts.push(stream.transcript().await);
    }
    transcripts
}

/// Runs the attacks, or every one but those on the listener of probes; returns how each
/// ended.
async fn attack(address: SocketAddr, attacks: &[&str]) -> BTreeMap<String, Vec<String>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/hostile.py");
    let python = env::var_os("SER_PYTHON");
    let mut command = Command::new(python.expect("SER_PYTHON names the interpreter"));
    command
        .arg(script)
        .arg(address.to_string())
        .args(attacks)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let told = tokio::time::timeout(4 * PATIENCE, command.output());
    let told = told.await.expect("an end in time").unwrap();
    assert!(
        told.status.success(),
        "{}",
        String::from_utf8_lossy(&told.stderr)
    );
    let lines = String::from_utf8(told.stdout).unwrap();
    lines
        .lines()
        .map(|line| {
            println!("{line}");
            let told: serde_json::Value = serde_json::from_str(line).unwrap();
            let ends = told["ends"].as_array().unwrap().iter();
            let ends = ends.map(|end| end.as_str().unwrap().to_owned()).collect();
            (told["attack"].as_str().unwrap().to_owned(), ends)
        })
        .collect()
}
