//! Stopping: open streams are told, may finish, and the process ends in time.

use std::time::Duration;

use rustix::process::Signal;
use ser_proto::v1::{Encoding, streaming_recognize_response::Response};
use ser_tests::{
    audio,
    server::{HealthWatch, ServerProcess, until_health},
    stream::{RawStream, config},
};
use tonic::Code;
use tonic_health::pb::health_check_response::ServingStatus;

const RATE: u32 = 16_000;

/// A stream that has sent audio and read its first result.
async fn busy_stream(server: &ServerProcess) -> RawStream {
    let mut stream = RawStream::open(server.channel().await).await;
    stream.config(config(Encoding::S16le, RATE)).await;
    stream
        .audio(audio::s16le(&audio::voice(RATE, 1.5, 1)))
        .await;
    while !matches!(
        stream.next().await.expect("a response"),
        Some(Response::Result(_))
    ) {}
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_may_finish_after_sigterm() {
    let (mut server, channel) = ServerProcess::ready().await;
    let mut stream = busy_stream(&server).await;

    server.signal(Signal::TERM);
    let Some(Response::GoAway(go_away)) = stream.next().await.expect("a response") else {
        panic!("the stream is told");
    };
    let time_left = Duration::try_from(go_away.time_left.expect("a time")).expect("not negative");
    assert!(time_left <= Duration::from_secs(20), "{time_left:?}");
    drop(channel);

    stream
        .audio(audio::s16le(&audio::voice(RATE, 1.0, 2)))
        .await;
    stream.half_close();
    let transcript = stream.transcript().await;
    assert_eq!(transcript.error, None);
    assert!(
        !transcript.results.is_empty(),
        "audio after the signal is still recognised"
    );
    assert_eq!(transcript.summaries.len(), 1);

    let (status, log) = server.wait();
    assert!(status.success(), "{log:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_stays_is_ended() {
    let environment = [("SER__SERVER__DRAIN", "300ms")];
    let mut server = ServerProcess::start(&[], &environment);
    until_health(server.channel().await, ServingStatus::Serving).await;
    let mut stream = busy_stream(&server).await;

    server.signal(Signal::TERM);
    let transcript = stream.transcript().await;
    assert!(transcript.went_away);
    let expected = (Code::Unavailable, "server: shutting down".to_owned());
    assert_eq!(transcript.error, Some(expected));
    let (status, log) = server.wait();
    assert!(status.success(), "{log:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn health_says_not_serving_before_the_end() {
    let (mut server, channel) = ServerProcess::ready().await;
    let stream = busy_stream(&server).await;
    let mut health = HealthWatch::open(channel).await;
    health.until(ServingStatus::Serving).await;
    server.signal(Signal::TERM);
    health.until(ServingStatus::NotServing).await;
    drop(stream);
    let (status, log) = server.wait();
    assert!(status.success(), "{log:#?}");
}
