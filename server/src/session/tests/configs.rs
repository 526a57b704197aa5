//! Every field of the config, wrong in every way that the protocol names.

use prost_types::Duration;
use ser_proto::v1::{
    AudioFormat, ChannelPolicy, RecognitionOptions, StreamingConfig,
    streaming_recognize_request::Request,
};
use tonic::Code;

use super::{Bench, config, config_with, format};

const WEEK: i64 = 604_800;

fn with_audio(audio: AudioFormat) -> StreamingConfig {
    StreamingConfig {
        audio: Some(audio),
        ..config()
    }
}

fn duration(seconds: i64, nanos: i32) -> Option<Duration> {
    Some(Duration { seconds, nanos })
}

fn window(seconds: i64) -> StreamingConfig {
    config_with(RecognitionOptions {
        window: duration(seconds, 0),
        ..Default::default()
    })
}

fn hop(seconds: i64) -> StreamingConfig {
    config_with(RecognitionOptions {
        hop: duration(seconds, 0),
        ..Default::default()
    })
}

fn model(name: &str) -> StreamingConfig {
    config_with(RecognitionOptions {
        model: Some(name.to_owned()),
        ..Default::default()
    })
}

fn top_k(top_k: u32) -> StreamingConfig {
    config_with(RecognitionOptions {
        top_k: Some(top_k),
        ..Default::default()
    })
}

fn smoothing(seconds: i64, nanos: i32) -> StreamingConfig {
    config_with(RecognitionOptions {
        smoothing: duration(seconds, nanos),
        ..Default::default()
    })
}

fn channels(count: u32, policy: i32, picked_channel: Option<u32>) -> StreamingConfig {
    StreamingConfig {
        audio: Some(format(16_000, count)),
        ..config_with(RecognitionOptions {
            channels: policy,
            picked_channel,
            ..Default::default()
        })
    }
}

#[tokio::test]
async fn each_wrong_field_is_answered_as_the_protocol_says() {
    let pick = ChannelPolicy::Pick.into();
    let encoding = "ENCODING_S16LE, ENCODING_F32LE, ENCODING_MULAW or ENCODING_ALAW";
    let policy = "CHANNEL_POLICY_MIX, CHANNEL_POLICY_PICK or CHANNEL_POLICY_SEPARATE";
    let named = "name or name/version, of [a-z0-9][a-z0-9._-]*";
    let invalid = [
        (
            StreamingConfig {
                audio: None,
                ..config()
            },
            "config.audio: missing; expected encoding, sample_rate and channels".to_owned(),
        ),
        (
            with_audio(AudioFormat {
                encoding: 9,
                ..format(16_000, 1)
            }),
            format!("config.audio.encoding: 9; expected {encoding}"),
        ),
        (
            with_audio(AudioFormat {
                encoding: 0,
                ..format(16_000, 1)
            }),
            format!("config.audio.encoding: 0; expected {encoding}"),
        ),
        (
            with_audio(format(0, 1)),
            "config.audio.sample_rate: 0 Hz; expected 8000 to 192000 Hz".into(),
        ),
        (
            with_audio(format(1, 1)),
            "config.audio.sample_rate: 1 Hz; expected 8000 to 192000 Hz".into(),
        ),
        (
            with_audio(format(1_000_000_000, 1)),
            "config.audio.sample_rate: 1000000000 Hz; expected 8000 to 192000 Hz".into(),
        ),
        (
            with_audio(format(16_000, 0)),
            "config.audio.channels: 0; expected 1 to 8".into(),
        ),
        (
            with_audio(format(16_000, 300)),
            "config.audio.channels: 300; expected 1 to 8".into(),
        ),
        (
            StreamingConfig {
                pace: 9,
                ..config()
            },
            "config.pace: 9; expected PACE_LIVE or PACE_BULK".into(),
        ),
        (
            channels(2, 9, None),
            format!("config.options.channels: 9; expected {policy}"),
        ),
        (
            channels(2, pick, None),
            "config.options.picked_channel: missing; expected 0 to 1 with CHANNEL_POLICY_PICK"
                .into(),
        ),
        (
            channels(2, pick, Some(2)),
            "config.options.picked_channel: 2; expected 0 to 1".into(),
        ),
        (
            channels(2, 0, Some(0)),
            "config.options.picked_channel: 0; expected none without CHANNEL_POLICY_PICK".into(),
        ),
        (
            model("A b"),
            format!("config.options.model: \"A b\"; expected {named}"),
        ),
        (
            model("double/"),
            format!("config.options.model: \"double/\"; expected {named}"),
        ),
        (
            window(0),
            "config.options.window: 0s; expected 0.5s to 3s".into(),
        ),
        (
            window(-1),
            "config.options.window: -1s; expected 0.5s to 3s".into(),
        ),
        (
            window(WEEK),
            "config.options.window: 604800s; expected 0.5s to 3s".into(),
        ),
        (
            window(i64::MAX),
            "config.options.window: 9223372036854775807s; expected 0.5s to 3s".into(),
        ),
        (
            hop(0),
            "config.options.hop: 0s; expected 0.1s to 0.5s".into(),
        ),
        (
            hop(-1),
            "config.options.hop: -1s; expected 0.1s to 0.5s".into(),
        ),
        (
            hop(WEEK),
            "config.options.hop: 604800s; expected 0.1s to 0.5s".into(),
        ),
        (
            config_with(RecognitionOptions {
                hop: duration(0, 2_000_000_000),
                ..Default::default()
            }),
            "config.options.hop: 0s and 2000000000ns; expected 0.1s to 0.5s".into(),
        ),
        (
            config_with(RecognitionOptions {
                model: Some("memory".to_owned()),
                window: duration(2, 0),
                ..Default::default()
            }),
            "config.options.window: 2s; expected none, the model is recurrent".into(),
        ),
        (
            config_with(RecognitionOptions {
                model: Some("memory".to_owned()),
                hop: duration(1, 0),
                ..Default::default()
            }),
            "config.options.hop: 1s; expected none, the model is recurrent".into(),
        ),
        (top_k(0), "config.options.top_k: 0; expected 1 to 3".into()),
        (top_k(9), "config.options.top_k: 9; expected 1 to 3".into()),
        (
            smoothing(WEEK, 0),
            "config.options.smoothing: 604800s; expected more than 0s, at most 60s".into(),
        ),
        (
            smoothing(0, 0),
            "config.options.smoothing: 0s; expected more than 0s, at most 60s".into(),
        ),
        (
            smoothing(0, -1),
            "config.options.smoothing: -0.000000001s; expected more than 0s, at most 60s".into(),
        ),
    ];
    let bench = Bench::new();
    for (config, message) in invalid {
        let said = bench.say([Some(Request::Config(config))]).await;
        said.ended_with(Code::InvalidArgument, &message);
        assert!(said.all.is_empty(), "{message}");
    }
}

#[tokio::test]
async fn a_model_that_is_not_served_is_not_found() {
    let bench = Bench::new();
    for name in ["double/9", "nothing"] {
        let said = bench.say([Some(Request::Config(model(name)))]).await;
        let message = format!(
            "config.options.model: {name:?} is not served; expected one of double/1, memory/1"
        );
        said.ended_with(Code::NotFound, &message);
    }
}

#[tokio::test]
async fn the_config_in_effect_has_its_defaults_filled_in() {
    let bench = Bench::new();
    let said = bench.stream(model(""), []).await;
    assert!(said.end.is_none(), "{:?}", said.end);
    let started = said.started();
    let effective = started.effective.as_ref().unwrap();
    let options = effective.options.as_ref().unwrap();
    assert_eq!(effective.audio, Some(format(16_000, 1)));
    assert_eq!(effective.pace(), ser_proto::v1::Pace::Live);
    assert_eq!(options.model.as_deref(), Some("double/1"));
    assert_eq!(options.channels(), ChannelPolicy::Mix);
    assert_eq!(options.window, duration(1, 0));
    assert_eq!(options.hop, duration(0, 200_000_000));
    assert_eq!((options.top_k, options.smoothing), (Some(3), None));
    let model = started.model.as_ref().unwrap();
    assert_eq!((model.name.as_str(), model.is_default), ("double", true));
    assert!(
        started.numerics.contains(&model.graph_sha256),
        "{}",
        started.numerics
    );
    assert!(started.numerics.contains("exact"), "{}", started.numerics);
}

#[tokio::test]
async fn durations_are_rounded_to_frames_and_reported() {
    let bench = Bench::new();
    let said = bench
        .stream(
            config_with(RecognitionOptions {
                window: duration(1, 504_000_000),
                hop: duration(0, 246_000_000),
                smoothing: duration(2, 0),
                top_k: Some(1),
                ..Default::default()
            }),
            [],
        )
        .await;
    let options = said
        .started()
        .effective
        .as_ref()
        .unwrap()
        .options
        .clone()
        .unwrap();
    assert_eq!(options.window, duration(1, 500_000_000));
    assert_eq!(options.hop, duration(0, 250_000_000));
    assert_eq!(options.smoothing, duration(2, 0));
    assert_eq!(options.top_k, Some(1));
}

/// Clients that take no more than 8 KiB of trailers would see a broken
/// connection instead.
#[tokio::test]
async fn a_refusal_fits_into_a_trailer() {
    let bench = Bench::new();
    for name in ["A\u{1}ü".repeat(40_000), "a".repeat(200_000)] {
        let config = config_with(RecognitionOptions {
            model: Some(name),
            ..Default::default()
        });
        let said = bench.say([Some(Request::Config(config))]).await;
        let end = said.end.unwrap();
        let message = end.message();
        assert!(message.len() <= 1_024, "{message}");
        assert!(
            message.starts_with("config.options.model: \"a")
                || message.starts_with("config.options.model: \"A")
        );
        let expected = [
            "of [a-z0-9][a-z0-9._-]*",
            "expected one of double/1, memory/1",
        ];
        assert!(
            expected.iter().any(|end| message.ends_with(end)),
            "{message}"
        );
    }
}
