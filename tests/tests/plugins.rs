//! Plugins that go wrong in a real server, and one that doesn't.

#![allow(
    clippy::unwrap_used,
    reason = "test code: a failure here fails the test"
)]

#[path = "../../backends/plugin/tests/libraries/mod.rs"]
mod libraries;

use std::path::Path;

use libraries::{c_plugin, faulty_plugin};
use rustix::process::Signal;
use ser_proto::v1::Encoding;
use ser_tests::{
    audio::chunked_voice,
    binaries,
    server::{ServerProcess, placement, until_health, until_serving},
    stream::{Transcript, config, recognise},
};
use tonic::{Code, transport::Channel};
use tonic_health::pb::health_check_response::ServingStatus;

const RATE: u32 = 22_050;

/// A server whose embedded model runs on the plugin at `library`.
async fn server(library: &Path) -> (ServerProcess, Channel) {
    let library = library.to_str().unwrap();
    let environment = [
        ("SER__PLUGINS__MINE", library),
        ("SER__MODELS__BACKEND", "mine"),
        ("SER__BATCHER__CALL_DEADLINE", "2s"),
    ];
    let server = ServerProcess::start(&[], &environment);
    let channel = server.channel().await;
    until_serving(channel.clone()).await;
    (server, channel)
}

async fn stream(channel: &Channel, seed: u32, turns_loud: bool) -> Transcript {
    let chunks = chunked_voice(RATE, seed, turns_loud);
    recognise(channel.clone(), config(Encoding::S16le, RATE), chunks).await
}

fn stopped(server: &mut ServerProcess) -> Vec<String> {
    server.signal(Signal::TERM);
    let (status, log) = server.wait();
    assert!(status.success(), "{status}: {log:#?}");
    log
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_answers_as_the_native_backend_does() {
    let (mut server, channel) = server(&c_plugin()).await;
    let (mut native, native_channel) = ServerProcess::ready().await;
    let on = |backend: &str| (backend.to_owned(), "cpu".to_owned());
    assert_eq!(placement(channel.clone(), "").await, on("mine"));
    assert_eq!(placement(native_channel.clone(), "").await, on("burn"));
    let (got, expected) = tokio::join!(
        stream(&channel, 2, false),
        stream(&native_channel, 2, false)
    );
    assert_eq!((&got.error, &expected.error), (&None, &None));
    assert!(expected.results.len() > 5);
    assert_eq!(got.results.len(), expected.results.len());
    for (got, expected) in got.results.iter().zip(&expected.results) {
        assert_eq!(got.verdict, expected.verdict);
        let pairs = got.scores.iter().zip(&expected.scores);
        for (got, expected) in pairs {
            assert_eq!(got.label, expected.label);
            let distance = (got.probability - expected.probability).abs();
            assert!(distance < 1e-4, "{got:?}, not {expected:?}");
        }
    }
    let log = stopped(&mut server);
    let loaded = |line: &String| line.contains("loaded plugin ser-plugin-c 0.1.0");
    assert!(log.iter().any(loaded), "{log:#?}");
    stopped(&mut native);
}

/// The loud stream ends with INTERNAL; the quiet one beside it, and one after it,
/// give what a quiet stream gave before. The log says `why`.
async fn only_the_loud_stream_ends(fault: &str, why: &str) {
    let (mut server, channel) = server(&faulty_plugin(fault)).await;
    let undisturbed = stream(&channel, 2, false).await;
    assert_eq!(undisturbed.error, None);

    let (loud, beside) = tokio::join!(stream(&channel, 1, true), stream(&channel, 2, false));
    let error = loud.error.clone().expect("the loud stream ends");
    let expected = "model tess-lstm/1: inference failed".to_owned();
    assert_eq!(error, (Code::Internal, expected));
    assert!(!loud.results.is_empty(), "results before the fault arrive");

    let after = stream(&channel, 2, false).await;
    for quiet in [beside, after] {
        assert_eq!(quiet.error, None);
        assert_eq!(quiet.results, undisturbed.results);
    }
    let log = stopped(&mut server);
    assert!(log.iter().any(|line| line.contains(why)), "{log:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_a_plugin_ends_its_stream_alone() {
    only_the_loud_stream_ends("INFER_FAILS", "plugin mine: row 0 is loud").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_little_written_by_a_plugin_ends_its_stream_alone() {
    only_the_loud_stream_ends(
        "INFER_WRITES_TOO_LITTLE",
        "plugin mine: infer wrote too little: 7 of 7 posteriors are missing",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_hangs_fails_its_model() {
    let (mut server, channel) = server(&faulty_plugin("INFER_HANGS")).await;
    let down = "model tess-lstm/1: not serving".to_owned();
    let hung = stream(&channel, 1, true).await;
    assert_eq!(hung.error, Some((Code::Unavailable, down.clone())));
    until_health(channel.clone(), ServingStatus::NotServing).await;
    let next = stream(&channel, 2, false).await;
    assert_eq!(next.error, Some((Code::Unavailable, down)));
    // Its thread is still in there, and the server ends all the same.
    stopped(&mut server);
}

/// A library that is no plugin is no reason not to serve what runs elsewhere.
#[tokio::test(flavor = "multi_thread")]
async fn a_broken_plugin_leaves_other_backends_alone() {
    let library = faulty_plugin("ABI");
    let environment = [("SER__PLUGINS__MINE", library.to_str().unwrap())];
    let mut server = ServerProcess::start(&[], &environment);
    let channel = server.channel().await;
    until_serving(channel.clone()).await;
    assert_eq!(stream(&channel, 2, false).await.error, None);
    let log = stopped(&mut server);
    let refused = |line: &String| line.contains("ABI 2; expected ABI 1");
    assert!(log.iter().any(refused), "{log:#?}");
}

#[test]
fn a_model_on_a_broken_plugin_is_refused_with_the_reason() {
    let output = binaries::command("ser-server")
        .args(["--listen", "127.0.0.1:0"])
        .env("SER__PLUGINS__MINE", faulty_plugin("STRUCT_SIZE"))
        .env("SER__MODELS__BACKEND", "mine")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let reason = "backend mine is not available: ";
    assert!(
        said.contains(reason) && said.contains("struct ser_batch has "),
        "{said}"
    );
}

#[test]
fn backends_lists_plugins_and_what_is_wrong_with_them() {
    let output = binaries::command("ser-server")
        .arg("backends")
        .env("SER__PLUGINS__GOOD", c_plugin())
        .env("SER__PLUGINS__MISSING", "/no/such/plugin.so")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    assert!(said.contains("good\n  cpu        available\n"), "{said}");
    let missing = "missing\n  not available: /no/such/plugin.so: no such file\n";
    assert!(said.contains(missing), "{said}");
}
