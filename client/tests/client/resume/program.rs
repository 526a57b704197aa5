//! What the program shows of a stream that goes on elsewhere.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use ser_client::proto::streaming_recognize_response::Response;
use serde_json::Value;
use tonic::Status;

use crate::support::{
    fake::{Call, FakeServer},
    messages,
    program::{Recording, run},
    terminal::{Terminal, rows},
};

/// The first attempt breaks after its first result, on whichever server it is.
async fn script(mut call: Call, attempt: usize) {
    call.accept().await;
    if attempt == 0 {
        call.send(messages::result(messages::emotion(0, "happy", 0.75)))
            .await;
        return call
            .fail(Status::unavailable("server: shutting down"))
            .await;
    }
    call.send(messages::result(messages::emotion(1, "sad", 0.75)))
        .await;
    call.rest().await;
    call.send(Response::Summary(messages::summary())).await;
}

fn servers() -> ([FakeServer; 2], String) {
    let attempts = Arc::new(AtomicUsize::new(0));
    let servers = [(); 2].map(|()| {
        let attempts = Arc::clone(&attempts);
        FakeServer::start(move |call| script(call, attempts.fetch_add(1, Ordering::SeqCst)))
    });
    let addresses = servers.each_ref().map(|server| server.address.as_str());
    let addresses = addresses.join(",");
    (servers, addresses)
}

#[tokio::test]
async fn programs_get_a_line() {
    let (servers, addresses) = servers();
    let recording = Recording::seconds(1);
    let arguments = ["stream", recording.path(), "--fast", "--json"];
    let ended = run(&addresses, &arguments).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let lines = ended.stdout.lines();
    let lines: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let kinds: Vec<_> = lines
        .iter()
        .map(|line| line["type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["started", "result", "resumed", "result", "summary"]);
    let resumed = &lines[2];
    let [left, server] = ["left", "server"].map(|name| resumed[name].as_str().unwrap());
    assert_ne!(left, server);
    for address in [left, server] {
        assert!(
            servers.iter().any(|server| server.address == address),
            "{resumed}"
        );
    }
    let reason = format!("{left} can't serve now: server: shutting down");
    assert_eq!(resumed["reason"], reason);
    assert_eq!(resumed["exact"], true);
    assert!(resumed["gap"].as_f64().unwrap() > 0.0, "{resumed}");
}

#[tokio::test]
async fn people_get_a_note() {
    let (_servers, addresses) = servers();
    let recording = Recording::seconds(1);
    let ended = run(&addresses, &["stream", recording.path(), "--fast"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let note = ended
        .stderr
        .lines()
        .find(|line| line.contains("resumed on http://"));
    let note = note.unwrap_or_else(|| panic!("{ended:?}"));
    assert!(note.starts_with("stream: http://"), "{note}");
    assert!(
        note.contains("can't serve now: server: shutting down; "),
        "{note}"
    );
    assert!(note.ends_with(" s, nothing lost"), "{note}");
    assert_eq!(ended.stdout.lines().count(), 5, "{ended:?}");
}

#[tokio::test]
async fn a_terminal_keeps_the_note() {
    let (_servers, addresses) = servers();
    let recording = Recording::seconds(1);
    let arguments = ["stream", recording.path(), "--fast"];
    let terminal = Terminal::start(160, 24, &addresses, &arguments);
    let left = terminal.end().await;
    assert_eq!(left.code, 0);
    let rows = rows(&left.screen);
    assert!(
        rows.iter().any(|row| row.contains("resumed on http://")),
        "{rows:#?}"
    );
}

#[tokio::test]
async fn whoever_wants_to_know_of_each_failure_is_told() {
    let (_servers, addresses) = servers();
    let recording = Recording::seconds(1);
    let arguments = ["stream", recording.path(), "--fast", "--no-resume"];
    let ended = run(&addresses, &arguments).await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("server: shutting down"), "{ended:?}");
    let both = [&arguments[..], &["--resume-timeout", "1s"]].concat();
    assert_eq!(run(&addresses, &both).await.code, Some(2));
}
