//! What goes wrong is said, with what to do next, and told by the exit code.

use std::sync::atomic::{AtomicUsize, Ordering};

use ser_client::proto::{GoAway, streaming_recognize_response::Response};
use tonic::Status;

use crate::support::{
    fake::{FakeServer, ReservedPort},
    messages,
    program::{Ended, Recording, run, start, wav_of},
};

const FAILURE: i32 = 1;
const USAGE: i32 = 2;
const CONNECTION: i32 = 3;
const REJECTED: i32 = 4;

#[track_caller]
fn assert_ended(ended: &Ended, code: i32, said: &[&str]) {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    for text in said {
        assert!(
            ended.stderr.contains(text),
            "{text:?} is missing: {ended:?}"
        );
    }
}

#[tokio::test]
async fn nobody_listens() {
    let port = ReservedPort::new();
    let recording = Recording::seconds(1);
    for arguments in [&["stream", recording.path()][..], &["models"], &["health"]] {
        let arguments = [arguments, &["--connect-timeout", "100ms"]].concat();
        let ended = run(&port.address(), &arguments).await;
        let nothing = format!(
            "error: nothing answers at {} (Connection refused",
            port.address()
        );
        let next = "hint: start one with `ser-server`, or name another with --server";
        assert_ended(&ended, CONNECTION, &[&nothing, next]);
    }
}

#[tokio::test]
async fn a_server_that_keeps_silent() {
    let server = FakeServer::start(|mut call| async move {
        call.config().await;
        std::future::pending::<()>().await;
    });
    let recording = Recording::seconds(1);
    // Leaves no time for another attempt.
    let arguments = ["stream", recording.path(), "--answer-timeout", "500ms"];
    let at_once = ["--connect-timeout", "500ms"];
    let ended = run(&server.address, &[&arguments[..], &at_once].concat()).await;
    assert_ended(
        &ended,
        CONNECTION,
        &["said nothing for 500ms", "--answer-timeout"],
    );
}

#[tokio::test]
async fn a_config_that_is_refused() {
    let message = "config.options.top_k: 9; expected 1 to 7";
    let server = FakeServer::start(move |mut call| async move {
        call.config().await;
        call.fail(Status::invalid_argument(message)).await;
    });
    let recording = Recording::seconds(1);
    let ended = run(
        &server.address,
        &["stream", recording.path(), "--top-k", "9"],
    )
    .await;
    assert_ended(
        &ended,
        REJECTED,
        &["the server refuses", message, "InvalidArgument"],
    );
    assert_eq!(ended.stdout, "");
}

#[tokio::test]
async fn a_server_that_dies() {
    let server = FakeServer::start(|mut call| async move {
        call.accept().await;
        call.send(messages::result(messages::emotion(0, "happy", 0.75)))
            .await;
        // Dropped, it would end the stream in good order.
        std::mem::forget(call);
    });
    let recording = Recording::seconds(60);
    let arguments = ["stream", recording.path(), "--no-resume"];
    let mut program = start(&server.address, &arguments);
    assert!(program.line().await.contains("happy"));
    let address = server.address.clone();
    drop(server);
    let ended = program.end().await;
    assert_ended(
        &ended,
        CONNECTION,
        &[&format!("lost {address}"), "run the command again"],
    );
}

#[tokio::test]
async fn a_server_that_becomes_unavailable() {
    let server = FakeServer::start(|mut call| async move {
        call.accept().await;
        call.audio().await;
        call.send(messages::result(messages::emotion(0, "happy", 0.75)))
            .await;
        call.fail(Status::unavailable("model tess-lstm/1: not serving"))
            .await;
    });
    let recording = Recording::seconds(60);
    let arguments = ["stream", recording.path(), "--no-resume"];
    let ended = run(&server.address, &arguments).await;
    assert_ended(
        &ended,
        CONNECTION,
        &[
            "model tess-lstm/1: not serving",
            "the results so far are complete",
        ],
    );
    assert!(ended.stdout.contains("happy"), "results so far are shown");
}

#[tokio::test]
async fn a_server_that_is_yet_to_start() {
    let port = ReservedPort::new();
    let recording = Recording::seconds(1);
    let arguments = ["stream", recording.path(), "--connect-timeout", "1h"];
    let program = start(&port.address(), &arguments);
    let attempts = AtomicUsize::new(0);
    let _server = FakeServer::start_on(port, move |mut call| {
        let loading = attempts.fetch_add(1, Ordering::Relaxed) < 3;
        async move {
            if loading {
                call.fail(Status::unavailable("server: loading models"))
                    .await;
                return;
            }
            call.accept().await;
            call.rest().await;
            call.send(Response::Summary(messages::summary())).await;
        }
    });
    let ended = program.end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.starts_with("summary: "), "{ended:?}");
}

#[tokio::test]
async fn a_server_that_loads_for_too_long() {
    let server = FakeServer::start(|call| async move {
        call.fail(Status::unavailable("server: loading models"))
            .await;
    });
    let recording = Recording::seconds(1);
    let arguments = ["stream", recording.path(), "--connect-timeout", "100ms"];
    let ended = run(&server.address, &arguments).await;
    let unavailable = "can't serve now: server: loading models";
    assert_ended(&ended, CONNECTION, &[unavailable, "health --wait"]);
    assert!(!ended.stderr.contains("results so far"), "{ended:?}");
}

#[tokio::test]
async fn a_server_that_is_full() {
    let server = FakeServer::start(|call| async move {
        call.fail(Status::resource_exhausted("streams: 8 open"))
            .await;
    });
    let recording = Recording::seconds(1);
    let arguments = ["stream", recording.path(), "--connect-timeout", "100ms"];
    let ended = run(&server.address, &arguments).await;
    let full = "can't serve now: streams: 8 open";
    assert_ended(&ended, CONNECTION, &[full, "hint: try again later"]);
}

#[tokio::test]
async fn a_model_that_fails() {
    let server = FakeServer::start(|mut call| async move {
        call.accept().await;
        call.rest().await;
        call.fail(Status::internal("model tess-lstm/1: inference failed"))
            .await;
    });
    let recording = Recording::seconds(1);
    let ended = run(&server.address, &["stream", recording.path(), "--fast"]).await;
    assert_ended(
        &ended,
        FAILURE,
        &["the server failed", "model tess-lstm/1: inference failed"],
    );
}

#[tokio::test]
async fn a_server_that_stops_is_left_in_time() {
    let server = FakeServer::start(|mut call| async move {
        call.accept().await;
        call.audio().await;
        let go_away = GoAway {
            time_left: messages::milliseconds(10_000),
            reason: "upgrade".to_owned(),
            ..GoAway::default()
        };
        call.send(Response::GoAway(go_away)).await;
        // The half-close comes long before the end of the minute.
        call.rest().await;
        call.send(Response::Summary(messages::summary())).await;
    });
    let recording = Recording::seconds(60);
    let arguments = ["stream", recording.path(), "--no-resume"];
    let ended = run(&server.address, &arguments).await;
    assert_ended(
        &ended,
        CONNECTION,
        &["stops within 10 s (upgrade)", "is stopping (upgrade)"],
    );
    assert!(ended.stdout.contains("summary: 3.000 s received"));
}

#[tokio::test]
async fn a_stream_without_a_summary() {
    let server = FakeServer::start(|mut call| async move {
        call.accept().await;
        call.rest().await;
    });
    let recording = Recording::seconds(1);
    let ended = run(&server.address, &["stream", recording.path(), "--fast"]).await;
    assert_ended(
        &ended,
        CONNECTION,
        &["the end of the stream; expected a summary"],
    );
}

#[tokio::test]
async fn a_file_that_is_no_audio() {
    let server = FakeServer::without_streams();
    let text = Recording::write("notes.txt", b"remember the milk");
    let ended = run(&server.address, &["stream", text.path()]).await;
    assert_ended(
        &ended,
        FAILURE,
        &[text.path(), "no WAV or FLAC file", "ser-client stream -"],
    );
    assert!(
        ended
            .stderr
            .contains("(it starts with neither RIFF nor fLaC)"),
        "{ended:?}"
    );
    let ended = run(&server.address, &["stream", "/nowhere/speech.wav"]).await;
    assert_ended(&ended, FAILURE, &["/nowhere/speech.wav: No such file"]);
}

#[tokio::test]
async fn a_file_whose_audio_does_not_suit() {
    let server = FakeServer::without_streams();
    let whole = wav_of(1, 16, &[0; 800]);
    let mut slow = whole.clone();
    slow[24..28].copy_from_slice(&4_000_u32.to_le_bytes());
    let mut nine_channels = whole.clone();
    nine_channels[22..24].copy_from_slice(&9_u16.to_le_bytes());
    let cut = whole[..600].to_vec();
    for (file, wrong, hint) in [
        (slow, "sample_rate: 4000 Hz", "hint: resample it"),
        (nine_channels, "channels: 9", "hint: mix its channels"),
        (cut, "damaged after", "hint: copy or record it again"),
    ] {
        let file = Recording::write("speech.wav", &file);
        let ended = run(&server.address, &["stream", file.path()]).await;
        assert_ended(&ended, FAILURE, &[file.path(), wrong, hint]);
    }
}

#[tokio::test]
async fn standard_input_without_audio() {
    let server = FakeServer::start(|mut call| async move {
        call.accept().await;
        call.rest().await;
        call.send(Response::Summary(messages::summary())).await;
    });
    let arguments = ["stream", "-", "--rate", "8000", "--encoding", "s16le"];
    let ended = run(&server.address, &arguments).await;
    assert_ended(
        &ended,
        FAILURE,
        &[
            "error: standard input ended before any audio arrived",
            "hint: check the command left of the pipe",
        ],
    );
    assert_eq!(ended.stdout, "");
}

#[tokio::test]
async fn standard_input_that_falls_silent() {
    let server = FakeServer::start(|mut call| async move {
        call.accept().await;
        call.audio().await;
        call.send(messages::result(messages::emotion(0, "happy", 0.75)))
            .await;
        let silent = "audio: none for 30s; expected audio or half-close";
        call.fail(Status::deadline_exceeded(silent)).await;
    });
    let arguments = ["stream", "-", "--rate", "8000", "--encoding", "s16le"];
    let mut program = start(&server.address, &arguments);
    program.write(&[0; 800]).await;
    let ended = program.end().await;
    assert_ended(
        &ended,
        FAILURE,
        &[
            "the server gave up waiting: audio: none for 30s",
            "hint: the results so far are complete; no audio came",
        ],
    );
}

#[tokio::test]
async fn audio_that_the_server_refuses() {
    for (refusal, hint) in [
        (
            "audio: sample 174 is NaN; expected finite numbers",
            "hint: check --encoding",
        ),
        (
            "audio: 800 bytes in request 2; expected at most 512",
            "hint: send less at a time with --chunk",
        ),
    ] {
        let server = FakeServer::start(move |mut call| async move {
            call.accept().await;
            call.audio().await;
            call.fail(Status::invalid_argument(refusal)).await;
        });
        let arguments = ["stream", "-", "--rate", "8000", "--encoding", "f32le"];
        let mut program = start(&server.address, &arguments);
        program.write(&[0xff; 800]).await;
        let ended = program.end().await;
        assert_ended(&ended, REJECTED, &[refusal, hint]);
    }
}

#[tokio::test]
async fn a_command_line_that_is_wrong() {
    for arguments in [
        &["stream"][..],
        &["stream", "-"],
        &["stream", "a.wav", "--rate", "8000"],
        &["stream", "a.wav", "--chunk", "soon"],
        &["health", "--wait", "300000000000y"],
        &["health", "--server", "localhost"],
    ] {
        let ended = run("http://127.0.0.1:1", arguments).await;
        assert_eq!(ended.code, Some(USAGE), "{ended:?}");
        assert!(ended.stderr.starts_with("error: "), "{ended:?}");
    }
}

#[tokio::test]
async fn help_lists_the_exit_codes() {
    let ended = run("http://127.0.0.1:1", &["--help"]).await;
    assert_eq!(ended.code, Some(0));
    for code in [FAILURE, USAGE, CONNECTION, REJECTED] {
        assert!(ended.stdout.contains(&format!("\n  {code}  ")), "{ended:?}");
    }
}
