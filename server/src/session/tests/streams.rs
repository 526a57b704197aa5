//! The order of requests, deadlines, limits, failures and the end of the server.

use std::{num::NonZeroUsize, sync::atomic::Ordering, time::Duration};

use ser_proto::v1::{
    self, ChannelPolicy, Muted, RecognitionOptions, StreamingConfig,
    streaming_recognize_request::Request, streaming_recognize_response::Response,
};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::{Bench, Said, audio, config, config_with, format};
use crate::fixture::{babble, bytes};

#[tokio::test]
async fn requests_in_the_wrong_order_are_refused() {
    let bench = Bench::new();
    let config = || Some(Request::Config(config()));
    let some = || Some(audio(&[0; 320]));
    let cases = [
        (vec![], "request: half-close; expected config first"),
        (vec![some()], "request 1: audio; expected config first"),
        (
            vec![Some(Request::Muted(Muted {}))],
            "request 1: muted; expected config first",
        ),
        (
            vec![None],
            "request 1: neither config nor audio; expected config first",
        ),
        (
            vec![config(), config()],
            "request 2: config; expected audio, the config was sent already",
        ),
        (
            vec![config(), some(), None],
            "request 3: neither config nor audio; expected audio",
        ),
        (
            vec![config(), some(), Some(audio(&[]))],
            "audio: 0 bytes in request 3; expected at least 1",
        ),
        (
            vec![config(), Some(audio(&[0; 131_073]))],
            "audio: 131073 bytes in request 2; expected at most 131072",
        ),
        (
            vec![config(), some(), Some(audio(&[0]))],
            "audio: 1 byte left over at the end; expected whole frames of 2 bytes",
        ),
    ];
    for (requests, message) in cases {
        bench
            .say(requests)
            .await
            .ended_with(Code::InvalidArgument, message);
    }
}

#[tokio::test]
async fn results_of_the_audio_before_an_error_are_told_first() {
    let bench = Bench::new();
    let samples = babble(16_000, 2.0, 0.3, 1);
    let floats: Vec<u8> = samples
        .iter()
        .flat_map(|&s| (f32::from(s) / 32_768.0).to_le_bytes())
        .collect();
    let config = StreamingConfig {
        audio: Some(v1::AudioFormat {
            encoding: v1::Encoding::F32le.into(),
            ..format(16_000, 1)
        }),
        ..config()
    };
    for (value, name) in [
        (f32::NAN, "NaN"),
        (f32::INFINITY, "inf"),
        (f32::NEG_INFINITY, "-inf"),
    ] {
        let mut broken = floats.clone();
        broken[4 * 20_000..][..4].copy_from_slice(&value.to_le_bytes());
        let said = bench.stream(config.clone(), [&broken[..]]).await;
        let message = format!("audio: sample 20000 is {name}; expected finite numbers");
        said.ended_with(Code::InvalidArgument, &message);
        // Windows end at 0.6, 0.8, 1.0 and 1.2 s; the sample is at 1.25 s.
        assert_eq!(said.results.len(), 4);
        assert!(said.summaries.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_never_sends_ends() {
    let bench = Bench::new();
    let client = bench.open();
    let said = Said::collect(client.responses).await;
    said.ended_with(
        Code::DeadlineExceeded,
        "request: none for 10s; expected config",
    );
    drop(client.requests);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_falls_silent_ends() {
    let bench = Bench::new();
    let mut client = bench.open();
    client.start(config()).await;
    let said = Said::collect(client.responses).await;
    said.ended_with(
        Code::DeadlineExceeded,
        "audio: none for 30s; expected audio or half-close",
    );
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_not_waited_for_forever() {
    let bench = Bench::new();
    let mut client = bench.open();
    client.start(config()).await;
    // Far more results than may wait unread.
    let speech = bytes(&babble(16_000, 4.0, 0.3, 1));
    for _ in 0..4 {
        client.send(audio(&speech)).await;
    }
    // Closed once the session has given up; nothing was read meanwhile.
    client.requests.closed().await;
    let said = Said::collect(client.responses).await;
    said.ended_with(
        Code::DeadlineExceeded,
        "responses: none read for 30s; expected the client to read them",
    );
}

#[tokio::test]
async fn open_streams_are_limited_and_separate_channels_count() {
    let bench = Bench::with(|fixture| {
        fixture.config.limits.open_streams = NonZeroUsize::new(3).unwrap();
    });
    let mut client = bench.open();
    client.start(config()).await;
    let three = StreamingConfig {
        audio: Some(format(16_000, 3)),
        ..config_with(RecognitionOptions {
            channels: ChannelPolicy::Separate.into(),
            ..Default::default()
        })
    };
    let said = bench.stream(three.clone(), []).await;
    let message = "streams: 2 open; expected at most 3, try again later";
    said.ended_with(Code::ResourceExhausted, message);
    assert!(client.half_close().await.end.is_none());
    let said = bench.stream(three, []).await;
    assert!(said.end.is_none(), "{:?}", said.end);
    assert_eq!(said.summaries.len(), 3);

    let clients = [bench.open(), bench.open(), bench.open()];
    let error = bench.try_open().err().map(Status::from).unwrap();
    assert_eq!(error.code(), Code::ResourceExhausted);
    let again = error.get_details_retry_info().unwrap().retry_delay;
    assert_eq!(again, Some(Duration::from_secs(1)));
    drop(clients);
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_nothing_behind() {
    let bench = Bench::new();
    let mut client = bench.open();
    client.start(config()).await;
    client
        .send(audio(&bytes(&babble(16_000, 2.0, 0.3, 1))))
        .await;
    assert!(matches!(client.next().await, Some(Ok(Response::Result(_)))));
    drop(client.responses);
    // Closed once the task is gone, and everything that it held with it.
    client.requests.closed().await;
}

#[tokio::test]
async fn a_row_that_fails_ends_its_own_stream() {
    let bench = Bench::new();
    bench
        .fixture
        .backend
        .fail_loud
        .store(true, Ordering::Relaxed);
    let mut quiet = bench.open();
    quiet.start(config()).await;
    let speech = bytes(&babble(16_000, 1.5, 0.1, 1));
    quiet.send(audio(&speech)).await;
    let loud = [
        bytes(&babble(16_000, 1.0, 0.1, 2)),
        bytes(&babble(16_000, 1.0, 1.0, 3)),
    ]
    .concat();
    let said = bench.stream(config(), [&loud[..]]).await;
    said.ended_with(Code::Internal, "model double/1: inference failed");
    assert!(said.results.len() >= 3, "{}", said.results.len());
    quiet.send(audio(&speech)).await;
    let said = quiet.half_close().await;
    assert!(said.end.is_none(), "{:?}", said.end);
    assert_eq!(said.summaries[0].received_samples, 48_000);
}

#[tokio::test]
async fn a_model_that_hangs_ends_its_streams() {
    let bench = Bench::with(|fixture| {
        fixture.config.batcher.call_deadline = Duration::from_millis(100);
    });
    bench
        .fixture
        .backend
        .hang_loud
        .store(true, Ordering::Relaxed);
    let loud = bytes(&babble(16_000, 1.0, 1.0, 1));
    let said = bench.stream(config(), [&loud[..]]).await;
    said.ended_with(Code::Unavailable, "model double/1: not serving");
    let other = config_with(RecognitionOptions {
        model: Some("memory".to_owned()),
        ..Default::default()
    });
    let said = bench.stream(other, [&loud[..]]).await;
    assert!(said.end.is_none(), "{:?}", said.end);
}

#[tokio::test(start_paused = true)]
async fn streams_are_told_of_the_end_and_then_ended() {
    let bench = Bench::new();
    let mut patient = bench.open();
    patient.start(config()).await;
    let mut prompt = bench.open();
    prompt.start(config()).await;
    let unstarted = bench.open();

    bench.shutdown.begin(Duration::from_secs(20));
    let late = bench.try_open().err().map(Status::from).unwrap();
    let refusal = (late.code(), late.message());
    assert_eq!(refusal, (Code::Unavailable, "server: shutting down"));
    for client in [&mut patient, &mut prompt] {
        let Some(Ok(Response::GoAway(go_away))) = client.next().await else {
            panic!("expected GoAway");
        };
        assert_eq!(go_away.code(), v1::GoAwayCode::ShuttingDown);
        assert!(super::seconds(go_away.time_left) <= 20.0);
        assert!(super::seconds(go_away.reconnect_after) <= 10.0);
    }
    let said = prompt.half_close().await;
    assert!(said.end.is_none() && said.summaries.len() == 1, "{said:?}");
    let ended = [
        Said::collect(patient.responses).await,
        Said::collect(unstarted.responses).await,
    ];
    for said in ended {
        said.ended_with(Code::Unavailable, "server: shutting down");
    }
    bench.shutdown.worked_off().await;
}
