//! When models come into being, and when they go.

use std::{sync::Arc, time::Duration};

use ser_proto::{admin::v1::State, v1::streaming_recognize_response::Response};
use ser_server::models::BackendRegistry;
use ser_tests::{
    audio,
    doubles::{Census, Counting, Hanging},
    server::until_serving,
    stream::{PATIENCE, RawStream},
};
use tokio::{sync::watch, time::timeout};
use tonic::Code;

use crate::support::{RATE, Server, chunks, stream_config};

async fn until(counted: &mut watch::Receiver<Census>, reached: impl FnMut(&Census) -> bool) {
    let reached = counted.wait_for(reached);
    drop(
        timeout(PATIENCE, reached)
            .await
            .expect("in time")
            .expect("a server"),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unloaded_model_is_freed_when_its_last_stream_ends() {
    let (backend, mut counted) = Counting::new();
    let server = Server::with(BackendRegistry::new().with(Box::new(backend))).await;
    assert!(counted.borrow().alive > 1);
    let mut stream = RawStream::open(server.channel.clone()).await;
    stream.config(stream_config(None)).await;
    let started = stream.next().await.unwrap();
    assert!(matches!(started, Some(Response::Started(_))), "{started:?}");

    let unloaded = server.unload("tess-lstm/1").await.unwrap();
    assert_eq!(
        (unloaded.state(), unloaded.open_streams),
        (State::NotLoaded, 1)
    );
    let (refused, _) = server.stream(Some("tess-lstm")).await;
    assert_eq!(refused.error.unwrap().0, Code::NotFound);
    let (refused, _) = server.stream(None).await;
    let message = "config.options.model: none given, and the default \"tess-lstm\" is not served; \
                   expected none, there are no models";
    assert_eq!(refused.error, Some((Code::Unavailable, message.to_owned())));

    for chunk in chunks(&audio::voice(RATE, 3.0, 1)) {
        stream.audio(chunk).await;
    }
    assert!(counted.borrow().alive > 1);
    stream.half_close();
    let transcript = stream.transcript().await;
    assert_eq!(transcript.error, None);
    assert!(!transcript.results.is_empty() && transcript.summaries.len() == 1);
    until(&mut counted, |census| census.alive == 0).await;

    assert_eq!(
        server.load("tess-lstm/1").await.unwrap().state(),
        State::Serving
    );
    until_serving(server.channel.clone()).await;
    server.assert_streams_on("1").await;
    server.process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn loads_of_one_version_at_once_load_it_once() {
    let (backend, counted) = Counting::new();
    let server = Arc::new(Server::with(BackendRegistry::new().with(Box::new(backend))).await);
    server.models.add("2");
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let server = Arc::clone(&server);
            tokio::spawn(async move { server.load("tess-lstm/2").await })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().state(), State::Serving);
    }
    assert_eq!(counted.borrow().loads, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_hangs_holds_up_nothing() {
    let backends = BackendRegistry::new().with(Box::new(Hanging::new()));
    let server = Server::with_deadline(backends, Duration::from_millis(500)).await;
    server.models.add(Hanging::VERSION);
    let model = format!("tess-lstm/{}", Hanging::VERSION);
    let refused = server.load(&model).await.unwrap_err();
    let message = format!("model {model}: refused: did not load within 0.5s");
    assert_eq!(
        (refused.code(), refused.message()),
        (Code::DeadlineExceeded, message.as_str())
    );
    let listed = server.listed(Hanging::VERSION).await;
    assert_eq!(
        (listed.state(), listed.refusal.as_str()),
        (State::Refused, "did not load within 0.5s")
    );
    server.assert_streams_on("1").await;
    server.unload("tess-lstm/1").await.unwrap();
    // Its thread is still in there, and the server ends all the same.
    server.process.stop().await;
}
