//! More streams than a server takes: the open ones go on, the others are told when to
//! come back, and do.

#![allow(
    clippy::unwrap_used,
    reason = "test code: a failure here fails the test"
)]

use std::{process::Stdio, thread, time::Duration};

use ser_proto::v1::{Encoding, streaming_recognize_response::Response};
use ser_tests::{
    audio, binaries,
    program::Program,
    server::{ServerProcess, until_serving},
    stream::{RawStream, config},
};
use serde_json::Value;
use tonic::{Code, Status};
use tonic_types::StatusExt;

const RATE: u32 = 16_000;

/// A server that takes one new stream for each processor within two seconds.
async fn careful_server() -> ServerProcess {
    let server = ServerProcess::start(&[], &[("SER__OVERLOAD__BURST", "1")]);
    until_serving(server.channel().await).await;
    server
}

/// Streams that come at once, until one is refused; and what that is told.
async fn until_refused(server: &ServerProcess) -> (Vec<RawStream>, Status) {
    let channel = server.channel().await;
    let mut open = Vec::new();
    for _ in 0..=thread::available_parallelism().unwrap().get() {
        let mut stream = RawStream::open(channel.clone()).await;
        stream.config(config(Encoding::S16le, RATE)).await;
        match stream.next().await {
            Ok(Some(Response::Started(_))) => open.push(stream),
            Ok(said) => panic!("{said:?} before the start"),
            Err(refusal) => return (open, refusal),
        }
    }
    panic!("{} streams, and none was refused", open.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_refused_is_told_when_to_come_back_and_the_others_go_on() {
    let server = careful_server().await;
    let (open, refusal) = until_refused(&server).await;
    assert_eq!(refusal.code(), Code::ResourceExhausted, "{refusal:?}");
    let said = refusal.message();
    assert!(said.contains("begun within 2s; expected at most"), "{said}");
    let info = refusal.get_details_retry_info().expect("a RetryInfo");
    let delay = info.retry_delay.expect("a time");
    let (shortest, longest) = (Duration::from_millis(500), Duration::from_millis(1_500));
    assert!((shortest..=longest).contains(&delay), "{delay:?}");

    for mut stream in open {
        stream
            .audio(audio::s16le(&audio::voice(RATE, 2.0, 1)))
            .await;
        stream.half_close();
        let transcript = stream.transcript().await;
        assert_eq!(transcript.error, None);
        assert_eq!(transcript.results.len(), 3, "{:?}", transcript.results);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_counts_who_is_refused_and_asked_back() {
    let server = careful_server().await;
    let streams = thread::available_parallelism().unwrap().get() + 3;
    let mut command = binaries::command("ser-client");
    command
        .args(["--server", &server.url(), "bench", "--json"])
        .args(["--streams", &streams.to_string()])
        .args(["--warm-up", "1ms", "--duration", "100ms"])
        .stdin(Stdio::null());
    let ended = Program::start(command).end().await;
    ended.assert(1, &["resource_exhausted"]);
    let step: Value = serde_json::from_str(ended.stdout.lines().next().unwrap()).unwrap();
    let refused = step["errors"]["resource_exhausted"].as_u64().unwrap();
    assert!((1..=3).contains(&refused), "{step}");
    assert_eq!(step["asked_back"], refused);
    assert!(step["refused"]["max"].as_f64().unwrap() > 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_refused_comes_back_and_gets_through() {
    let server = careful_server().await;
    let (open, _) = until_refused(&server).await;
    let mut command = binaries::command("ser-client");
    command
        .args(["--server", &server.url(), "stream", "--fast", "--json"])
        .arg(binaries::sample("demo.wav"))
        .stdin(Stdio::null());
    let ended = Program::start(command).end().await;
    ended.assert(0, &[]);
    assert!(ended.stdout.contains("overall_label"), "{}", ended.stdout);
    drop(open);
}
