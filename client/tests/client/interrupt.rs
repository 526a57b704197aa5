//! Ctrl-C.

use rustix::process::Signal;
use ser_client::proto::streaming_recognize_response::Response;
use tokio::sync::mpsc;

use crate::support::{
    fake::FakeServer,
    messages,
    program::{Recording, patiently, start},
};

#[tokio::test]
async fn the_first_half_closes_and_the_summary_comes() {
    let (received, mut bytes) = mpsc::unbounded_channel();
    let server = FakeServer::start(move |mut call| {
        let received = received.clone();
        async move {
            call.accept().await;
            call.send(messages::result(messages::emotion(0, "happy", 0.75)))
                .await;
            received.send(call.rest().await.len()).unwrap();
            call.send(Response::Summary(messages::summary())).await;
        }
    });
    let recording = Recording::seconds(600);
    let mut program = start(&server.address, &["stream", recording.path()]);
    assert!(program.line().await.contains("happy"));
    program.signal(Signal::INT);
    let ended = program.end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.stdout.contains("summary: 3.000 s received"),
        "{ended:?}"
    );
    assert!(patiently(bytes.recv()).await.unwrap() < 600 * 16_000);
}

#[tokio::test]
async fn live_input_is_left_too() {
    let server = FakeServer::start(|mut call| async move {
        call.accept().await;
        call.send(messages::result(messages::emotion(0, "happy", 0.75)))
            .await;
        call.rest().await;
        call.send(Response::Summary(messages::summary())).await;
    });
    let arguments = ["stream", "-", "--rate", "8000", "--encoding", "s16le"];
    let mut program = start(&server.address, &arguments);
    assert!(program.line().await.contains("happy"));
    // Standard input stays open, and nothing comes from it.
    program.signal(Signal::INT);
    assert!(program.line().await.starts_with("summary: "));
    let ended = program.end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[tokio::test]
async fn the_second_ends_at_once() {
    let (half_closed, mut half_closes) = mpsc::unbounded_channel();
    let server = FakeServer::start(move |mut call| {
        let half_closed = half_closed.clone();
        async move {
            call.accept().await;
            call.send(messages::result(messages::emotion(0, "happy", 0.75)))
                .await;
            call.rest().await;
            half_closed.send(()).unwrap();
            std::future::pending::<()>().await;
        }
    });
    let recording = Recording::seconds(600);
    let mut program = start(&server.address, &["stream", recording.path()]);
    assert!(program.line().await.contains("happy"));
    program.signal(Signal::INT);
    patiently(half_closes.recv()).await.unwrap();
    program.signal(Signal::INT);
    let ended = program.end().await;
    assert_eq!(ended.code, Some(130), "{ended:?}");
}
