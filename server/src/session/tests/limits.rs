//! What a stream may not do for ever, nor too fast.

use std::time::Duration;

use ser_proto::v1::{
    GoAwayCode, Muted, Pace, StreamingConfig, streaming_recognize_request::Request,
    streaming_recognize_response::Response,
};
use tokio::time::{Instant, sleep};
use tonic::Code;

use super::{Bench, Said, audio, config};
use crate::fixture::{babble, bytes};

const SECOND: Duration = Duration::from_secs(1);

/// A second in which nobody speaks, so that no model is waited for.
static QUIET: [u8; 32_000] = [0; 32_000];

#[tokio::test(start_paused = true)]
async fn a_muted_client_has_more_time() {
    let bench = Bench::new();
    let mut client = bench.open();
    client.start(config()).await;
    client.send(Request::Muted(Muted {})).await;
    let start = Instant::now();
    sleep(500 * SECOND).await;
    // Saying it again gains nothing.
    client.send(Request::Muted(Muted {})).await;
    let said = Said::collect(client.responses).await;
    let message = "audio: none for 600s; expected audio or half-close";
    said.ended_with(Code::DeadlineExceeded, message);
    assert!(start.elapsed().abs_diff(600 * SECOND) < SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_heard_again_is_muted_no_more() {
    let bench = Bench::new();
    let mut client = bench.open();
    client.start(config()).await;
    client.send(Request::Muted(Muted {})).await;
    sleep(500 * SECOND).await;
    client.send(audio(&QUIET[..3_200])).await;
    let start = Instant::now();
    let said = Said::collect(client.responses).await;
    let message = "audio: none for 30s; expected audio or half-close";
    said.ended_with(Code::DeadlineExceeded, message);
    assert!(start.elapsed().abs_diff(30 * SECOND) < SECOND);
}

#[tokio::test(start_paused = true)]
async fn an_old_stream_is_told_and_then_ended() {
    let bench = Bench::with(|fixture| {
        fixture.config.limits.stream_age = 1_000 * SECOND;
        fixture.config.limits.idle = 3_000 * SECOND;
        fixture.config.server.drain = 20 * SECOND;
    });
    let mut told = Vec::new();
    for _ in 0..20 {
        let mut client = bench.open();
        client.start(config()).await;
        let start = Instant::now();
        let Some(Ok(Response::GoAway(go_away))) = client.next().await else {
            panic!("expected GoAway");
        };
        assert_eq!(go_away.code(), GoAwayCode::StreamAge);
        assert_eq!(super::seconds(go_away.time_left), 20.0);
        told.push(start.elapsed().as_millis());
        // What is heard meanwhile is told before the end.
        client.send(audio(&QUIET)).await;
        let said = Said::collect(client.responses).await;
        assert!(!said.results.is_empty());
        let end = said.end.as_ref().unwrap().message().to_owned();
        said.ended_with(Code::Unavailable, &end);
        assert!(end.starts_with("stream: open for "), "{end}");
        assert!(start.elapsed().as_millis() - told[told.len() - 1] >= 19_900);
    }
    told.sort_unstable();
    assert!(told[0] >= 899_000 && told[19] <= 1_101_000, "{told:?}");
    told.dedup();
    assert!(told.len() > 15, "not at once: {told:?}");
}

#[tokio::test]
async fn a_stream_hears_no_more_than_it_may_and_tells_what_it_heard() {
    let bench = Bench::with(|fixture| fixture.config.limits.stream_audio = SECOND);
    let speech = bytes(&babble(16_000, 2.0, 0.3, 1));
    let said = bench.stream(config(), [&speech[..50_000]]).await;
    let message = "audio: longer than 1s; expected at most 1s";
    said.ended_with(Code::InvalidArgument, message);
    // Windows end at 0.6, 0.8 and 1.0 s.
    assert_eq!(said.results.len(), 3);
    let exactly = bench.stream(config(), [&speech[..32_000]]).await;
    assert!(exactly.end.is_none(), "{:?}", exactly.end);
}

#[tokio::test(start_paused = true)]
async fn live_audio_is_held_back_and_no_stream_is_ended_for_it() {
    let bench = Bench::with(|fixture| {
        fixture.config.limits.live_ahead = 10 * SECOND;
        // Less than it is held back for at once.
        fixture.config.limits.idle = SECOND / 2;
    });
    let minute = || std::iter::repeat_n(&QUIET[..], 60);
    let start = Instant::now();
    let live = bench.stream(config(), minute()).await;
    assert!(live.end.is_none(), "{:?}", live.end);
    let took = start.elapsed();
    assert!(took >= 48 * SECOND && took <= 51 * SECOND, "{took:?}");

    let start = Instant::now();
    let bulk = StreamingConfig {
        pace: Pace::Bulk.into(),
        ..config()
    };
    let bulk = bench.stream(bulk, minute()).await;
    assert!(start.elapsed() < SECOND);
    assert_eq!(live.results, bulk.results);
}

#[tokio::test(start_paused = true)]
async fn a_recording_pauses_while_live_streams_need_the_time() {
    let bench = Bench::new();
    let bulk = StreamingConfig {
        pace: Pace::Bulk.into(),
        ..config()
    };
    bench.context.admission.slow_bulk(SECOND);
    let start = Instant::now();
    let slowed = bench.stream(bulk.clone(), [&QUIET[..]]).await;
    // Ten tenths of a second, and a pause after each but the last.
    assert!(start.elapsed() >= 9 * SECOND, "{:?}", start.elapsed());
    let live = bench.stream(config(), [&QUIET[..]]).await;
    assert_eq!(slowed.results, live.results);
    assert!(slowed.end.is_none() && live.end.is_none());
}

#[tokio::test(start_paused = true)]
async fn unread_responses_have_a_limit_of_their_own() {
    let bench = Bench::with(|fixture| fixture.config.limits.unread = 5 * SECOND);
    let mut client = bench.open();
    client.start(config()).await;
    let start = Instant::now();
    for _ in 0..8 {
        client.send(audio(&QUIET)).await;
    }
    client.requests.closed().await;
    assert!(start.elapsed() < 7 * SECOND);
    let said = Said::collect(client.responses).await;
    let message = "responses: none read for 5s; expected the client to read them";
    said.ended_with(Code::DeadlineExceeded, message);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_told_of_the_end_and_not_waited_for() {
    let bench = Bench::with(|fixture| fixture.config.limits.unread = 600 * SECOND);
    let mut client = bench.open();
    client.start(config()).await;
    for _ in 0..8 {
        client.send(audio(&QUIET)).await;
    }
    // Time passes only when the session waits.
    sleep(SECOND).await;
    let start = Instant::now();
    bench.shutdown.begin(20 * SECOND);
    bench.shutdown.worked_off().await;
    assert!(start.elapsed().abs_diff(20 * SECOND) < SECOND);
    let said = Said::collect(client.responses).await;
    said.ended_with(Code::Unavailable, "server: shutting down");
    let Some(Response::GoAway(go_away)) = said.all.last() else {
        panic!("{:?}; expected GoAway before the status", said.all.last());
    };
    assert_eq!(go_away.code(), GoAwayCode::ShuttingDown);
    assert!(!said.results.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_told_of_its_streams_age() {
    let bench = Bench::with(|fixture| {
        fixture.config.limits.unread = 600 * SECOND;
        fixture.config.limits.stream_age = 100 * SECOND;
        fixture.config.server.drain = 20 * SECOND;
    });
    let mut client = bench.open();
    client.start(config()).await;
    for _ in 0..8 {
        client.send(audio(&QUIET)).await;
    }
    sleep(300 * SECOND).await;
    let said = Said::collect(client.responses).await;
    let told = said.all.iter().any(|response| {
        matches!(response, Response::GoAway(told) if told.code() == GoAwayCode::StreamAge)
    });
    assert!(told, "{:?}", said.all.last());
    // What was computable is told before the end.
    assert!(said.results.len() > super::super::responses::UNREAD);
    assert_eq!(said.end.unwrap().code(), Code::Unavailable);
}
