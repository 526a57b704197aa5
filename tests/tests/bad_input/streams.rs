//! Streams that go wrong on their way.

use bytes::Bytes;

use ser_proto::v1::{Encoding, streaming_recognize_request::Request};
use ser_tests::{
    audio,
    server::ServerProcess,
    stream::{RawStream, config, recognise},
};
use tonic::Code;

use crate::{RATE, answer, audio_of, good};

#[tokio::test(flavor = "multi_thread")]
async fn a_message_over_the_limit_is_refused_by_the_transport() {
    let (_server, channel) = ServerProcess::ready().await;
    let requests = vec![Some(Request::Config(good())), audio_of(vec![0; 300 << 10])];
    let (code, _) = answer(&channel, requests)
        .await
        .error
        .expect("the stream ends");
    assert_eq!(code, Code::OutOfRange);
}

#[tokio::test(flavor = "multi_thread")]
async fn half_close_at_once_gives_an_empty_summary() {
    let (_server, channel) = ServerProcess::ready().await;
    let transcript = answer(&channel, vec![Some(Request::Config(good()))]).await;
    assert_eq!(transcript.error, None);
    assert!(transcript.results.is_empty());
    let [summary] = &transcript.summaries[..] else {
        panic!("one summary: {transcript:?}")
    };
    assert_eq!((summary.received_samples, summary.results), (0, 0));
    assert_eq!(summary.overall_label, None);
    assert!(summary.mean_posterior.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn results_before_the_error_are_delivered() {
    let (_server, channel) = ServerProcess::ready().await;
    let samples = audio::voice(RATE, 3.0, 3);
    let mut bytes = audio::f32le(&samples);
    bytes.extend(f32::NAN.to_le_bytes());
    let requests = [Some(Request::Config(config(Encoding::F32le, RATE)))]
        .into_iter()
        .chain(bytes.chunks(64_000).map(|chunk| audio_of(chunk.to_vec())))
        .collect();
    let transcript = answer(&channel, requests).await;
    let message = format!(
        "audio: sample {} is NaN; expected finite numbers",
        samples.len()
    );
    assert_eq!(transcript.error, Some((Code::InvalidArgument, message)));
    let undisturbed = {
        let chunks = audio::f32le(&samples)
            .chunks(64_000)
            .map(Bytes::copy_from_slice)
            .collect::<Vec<_>>();
        recognise(channel, config(Encoding::F32le, RATE), chunks)
            .await
            .results
    };
    let before = undisturbed.len() - 1;
    assert!(before > 2);
    assert_eq!(transcript.results, undisturbed[..before]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_stream_gives_its_place_back() {
    let server = ServerProcess::start(&[], &[("SER__LIMITS__OPEN_STREAMS", "1")]);
    let channel = server.channel().await;
    ser_tests::server::until_serving(channel.clone()).await;

    let mut stream = RawStream::open(channel.clone()).await;
    stream.config(good()).await;
    stream.next().await.expect("the start");
    let second = answer(&channel, vec![Some(Request::Config(good()))])
        .await
        .error;
    let message = "streams: 1 open; expected at most 1, try again later".to_owned();
    assert_eq!(second, Some((Code::ResourceExhausted, message)));

    stream
        .audio(audio::s16le(&audio::voice(RATE, 2.0, 1)))
        .await;
    drop(stream);
    // The server learns of it with the reset of the stream, which overtakes
    // nothing: ask again until it has.
    let freed = async {
        while answer(&channel, vec![Some(Request::Config(good()))])
            .await
            .error
            .is_some()
        {}
    };
    tokio::time::timeout(ser_tests::stream::PATIENCE, freed)
        .await
        .expect("the place is free");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_stream_is_ended() {
    let limits = [
        ("SER__LIMITS__FIRST_MESSAGE", "200ms"),
        ("SER__LIMITS__IDLE", "300ms"),
    ];
    let server = ServerProcess::start(&[], &limits);
    let channel = server.channel().await;
    ser_tests::server::until_serving(channel.clone()).await;

    let mut mute = RawStream::open(channel.clone()).await;
    let message = "request: none for 0.2s; expected config".to_owned();
    assert_eq!(
        mute.transcript().await.error,
        Some((Code::DeadlineExceeded, message))
    );

    let mut stalled = RawStream::open(channel).await;
    stalled.config(good()).await;
    stalled
        .audio(audio::s16le(&audio::voice(RATE, 1.5, 1)))
        .await;
    let transcript = stalled.transcript().await;
    let message = "audio: none for 0.3s; expected audio or half-close".to_owned();
    assert_eq!(transcript.error, Some((Code::DeadlineExceeded, message)));
    assert!(
        !transcript.results.is_empty(),
        "what was computed is delivered"
    );
}
