//! Signals. The server stops: open streams are told, may finish, and the process ends
//! in time. Or it doesn't.

use std::{error::Error as _, time::Duration};

use rustix::process::Signal;
use ser_proto::v1::{
    Encoding, RecognizeRequest, speech_emotion_clips_client::SpeechEmotionClipsClient,
    streaming_recognize_response::Response,
};
use ser_tests::{
    audio,
    server::{HealthWatch, ServerProcess, until_health},
    stream::{PATIENCE, RawStream, config},
};
use tokio::time::timeout;
use tonic::{Code, Status};
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
async fn sighup_ends_nothing_where_there_is_nothing_to_reload() {
    let (mut server, channel) = ServerProcess::ready().await;
    let mut stream = busy_stream(&server).await;
    server.signal(Signal::HUP);
    server.until_said("SIGHUP: nothing to reload", 0).await;
    stream
        .audio(audio::s16le(&audio::voice(RATE, 1.0, 2)))
        .await;
    stream.half_close();
    assert_eq!(stream.transcript().await.error, None);

    server.signal(Signal::TERM);
    drop(channel);
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

/// Longer than any test waits.
const ENDLESS: [(&str, &str); 1] = [("SER__SERVER__DRAIN", "1h")];

/// Waits for the end of the process, but not forever.
async fn ends(mut server: ServerProcess) {
    let ended = tokio::task::spawn_blocking(move || server.wait());
    let (status, log) = timeout(PATIENCE, ended)
        .await
        .expect("the process ends in time")
        .expect("no panic");
    assert!(status.success(), "{log:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_the_drain() {
    let server = ServerProcess::start(&[], &ENDLESS);
    until_health(server.channel().await, ServingStatus::Serving).await;
    let mut stream = busy_stream(&server).await;
    server.signal(Signal::TERM);
    assert!(matches!(stream.next().await, Ok(Some(Response::GoAway(_)))));
    server.signal(Signal::TERM);
    server.until_said("told to stop again", 0).await;
    ends(server).await;
    let transcript = stream.transcript().await;
    assert!(transcript.error.is_some(), "{transcript:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_never_ends_of_itself_is_not_waited_for() {
    let server = ServerProcess::start(&[], &ENDLESS);
    let mut health = HealthWatch::open(server.channel().await).await;
    health.until(ServingStatus::Serving).await;
    let mut stream = busy_stream(&server).await;
    server.signal(Signal::TERM);
    health.until(ServingStatus::NotServing).await;
    stream.half_close();
    assert_eq!(stream.transcript().await.error, None);
    // The watch is still open.
    ends(server).await;
}

/// The server refuses the call, or its GOAWAY was there first: then the client's own
/// HTTP/2 does, or finds the connection closed.
fn refused(status: &Status) {
    let said = format!("{status:?}");
    let ends = ["NO_ERROR", "Canceled, \"connection closed\""];
    let is_away = status.source().is_some() && ends.iter().any(|end| said.contains(end));
    assert!(status.code() == Code::Unavailable || is_away, "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn new_calls_are_refused_at_once() {
    let server = ServerProcess::start(&[], &ENDLESS);
    let channel = server.channel().await;
    until_health(channel.clone(), ServingStatus::Serving).await;
    let mut stream = busy_stream(&server).await;
    server.signal(Signal::TERM);
    assert!(matches!(stream.next().await, Ok(Some(Response::GoAway(_)))));

    let mut late = RawStream::open(channel.clone()).await;
    refused(&late.next().await.expect_err("a refusal"));
    let mut clips = SpeechEmotionClipsClient::new(channel);
    let clip = clips.recognize(RecognizeRequest::default());
    let refusal = timeout(PATIENCE, clip)
        .await
        .expect("an answer in time")
        .expect_err("a refusal");
    refused(&refusal);

    stream.half_close();
    assert_eq!(stream.transcript().await.error, None);
    ends(server).await;
}
