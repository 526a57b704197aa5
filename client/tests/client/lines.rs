//! Plain lines, when standard output is no terminal.

use std::sync::Arc;

use ser_client::proto::{StreamWarning, streaming_recognize_response::Response};
use tokio::sync::Notify;

use crate::support::{
    fake::FakeServer,
    messages,
    program::{Recording, run, start},
};

#[tokio::test]
async fn one_line_a_result_and_the_summary() {
    let server = FakeServer::start(|mut call| async move {
        call.accept().await;
        let mut first = messages::emotion(0, "happy", 0.75);
        first.scores.truncate(2);
        call.send(messages::result(first)).await;
        let mut second = messages::uncertain(1, "pleasant surprise", 0.4);
        second.scores.truncate(1);
        second.channel = Some(1);
        call.send(messages::result(second)).await;
        call.send(messages::result(messages::no_speech(2))).await;
        let warning = StreamWarning {
            message: "narrow band".to_owned(),
            ..StreamWarning::default()
        };
        call.send(Response::Warning(warning)).await;
        call.rest().await;
        call.send(Response::Summary(messages::summary())).await;
    });
    let recording = Recording::seconds(1);
    let ended = run(&server.address, &["stream", recording.path(), "--fast"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");

    let lines: Vec<_> = ended.stdout.lines().collect();
    assert_eq!(
        lines[0],
        "   0.000s    1.000s  emotion    happy 0.750, angry 0.042"
    );
    assert_eq!(
        lines[1],
        "   1.000s    2.000s  channel 1  uncertain  pleasant surprise 0.400"
    );
    assert_eq!(lines[2], "   2.000s    3.000s  no speech");
    assert_eq!(
        lines[3],
        "summary: 3.000 s received, 2.500 s classified, 0.500 s no speech, 0.500 s uncertain, \
         overall happy"
    );
    // Of seven labels, those that were heard.
    assert_eq!(
        lines[4..],
        ["summary: 2.000 s happy", "summary: 0.500 s sad"]
    );
    assert!(!ended.stdout.contains('\u{1b}'), "no colour into a pipe");

    for note in [
        "tess-lstm/1",
        "CC-BY-NC-ND-4.0",
        "burn on cpu",
        "window 3.00 s",
        "hop 0.51 s",
    ] {
        assert!(ended.stderr.contains(note), "{note}: {}", ended.stderr);
    }
    assert!(ended.stderr.contains("warning: narrow band"));
}

#[tokio::test]
async fn a_reader_that_has_seen_enough_is_no_failure() {
    let closed = Arc::new(Notify::new());
    let server = FakeServer::start({
        let closed = Arc::clone(&closed);
        move |mut call| {
            let closed = Arc::clone(&closed);
            async move {
                call.accept().await;
                call.send(messages::result(messages::emotion(0, "happy", 0.75)))
                    .await;
                closed.notified().await;
                // More than one: while another test forks, the pipe still has
                // a reader.
                while call.is_open() {
                    call.send(messages::result(messages::emotion(1, "sad", 0.75)))
                        .await;
                }
            }
        }
    });
    for arguments in [&[][..], &["--json"]] {
        let recording = Recording::seconds(60);
        let arguments = [&["stream", recording.path()], arguments].concat();
        let mut program = start(&server.address, &arguments);
        if arguments.contains(&"--json") {
            program.line().await;
        }
        assert!(program.line().await.contains("happy"));
        program.close_stdout();
        closed.notify_one();
        let ended = program.end().await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(!ended.stderr.contains("error"), "{ended:?}");
    }
}
