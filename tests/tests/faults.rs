//! What a backend does wrong ends what the design says, and nothing else.

use bytes::Bytes;
use ser_proto::v1::Encoding;
use ser_server::{
    config::{BatcherConfig, Config},
    models::BackendRegistry,
};
use ser_tests::{
    audio,
    doubles::{Fault, Misbehaving},
    server::{InProcess, until_health},
    stream::{Transcript, config, recognise},
};
use tonic::{Code, transport::Channel};
use tonic_health::pb::health_check_response::ServingStatus;

const RATE: u32 = 22_050;

/// Between the first cepstral coefficients of quiet and of loud voices.
const LOUD: f32 = -100.0;

fn marked(fault: Fault) -> BackendRegistry {
    let backend = Misbehaving::new(move |row| (row[0] > LOUD).then_some(fault));
    BackendRegistry::new().with(Box::new(backend))
}

fn quiet_voice(seed: u32) -> Vec<Bytes> {
    audio::chunked_voice(RATE, seed, false)
}

fn voice_that_turns_loud() -> Vec<Bytes> {
    audio::chunked_voice(RATE, 1, true)
}

async fn stream(channel: &Channel, chunks: Vec<Bytes>) -> Transcript {
    recognise(channel.clone(), config(Encoding::S16le, RATE), chunks).await
}

/// The marked stream ends with INTERNAL after the results before the fault; the
/// streams beside it give what they give without it.
async fn only_the_marked_stream_ends(fault: Fault) {
    let server = InProcess::start(Config::default(), marked(fault)).await;
    let channel = server.channel().await;
    let undisturbed = stream(&channel, quiet_voice(2)).await;
    assert_eq!(undisturbed.error, None);
    assert!(undisturbed.results.len() > 5, "{undisturbed:?}");

    let (marked, beside, beside_too) = tokio::join!(
        stream(&channel, voice_that_turns_loud()),
        stream(&channel, quiet_voice(2)),
        stream(&channel, quiet_voice(2)),
    );
    let (code, message) = marked.error.clone().expect("the marked stream ends");
    assert_eq!(
        (code, message.as_str()),
        (Code::Internal, "model tess-lstm/1: inference failed")
    );
    assert!(
        !marked.results.is_empty(),
        "results before the fault arrive: {marked:?}"
    );
    assert!(marked.summaries.is_empty());
    for transcript in [beside, beside_too] {
        assert_eq!(transcript.error, None);
        assert_eq!(transcript.results, undisturbed.results);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_fails_ends_its_stream_alone() {
    only_the_marked_stream_ends(Fault::Fail).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_not_finite_ends_its_stream_alone() {
    only_the_marked_stream_ends(Fault::NotANumber).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_panics_ends_its_stream_alone() {
    only_the_marked_stream_ends(Fault::Panic).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_hangs_fails_the_model() {
    let batcher = BatcherConfig {
        call_deadline: std::time::Duration::from_millis(500),
        ..BatcherConfig::default()
    };
    let config = Config {
        batcher,
        ..Config::default()
    };
    let server = InProcess::start(config, marked(Fault::Hang)).await;
    let channel = server.channel().await;

    let hung = stream(&channel, voice_that_turns_loud()).await;
    let (code, message) = hung.error.expect("the stream ends");
    assert_eq!(
        (code, message.as_str()),
        (Code::Unavailable, "model tess-lstm/1: not serving")
    );

    until_health(channel.clone(), ServingStatus::NotServing).await;
    let next = stream(&channel, quiet_voice(2)).await;
    let (code, message) = next.error.expect("no new stream");
    assert_eq!(
        (code, message.as_str()),
        (Code::Unavailable, "model tess-lstm/1: not serving")
    );
    server.stop().await;
}
