//! What a resumed stream brings may be wrong, by mistake or on purpose.

use proptest::{
    collection::vec,
    prelude::{Strategy, any},
    strategy::ValueTree,
    test_runner::TestRunner,
};
use prost::bytes::Bytes;
use ser_proto::v1::{
    ChannelPolicy, RecognitionOptions, Resume, StreamingConfig,
    streaming_recognize_request::Request,
};
use tonic::Code;

use super::{
    Bench, Said, config, config_with,
    results::stereo,
    resume::{CHUNK, conversation, going_on, resume, with_checkpoints},
};
use crate::fixture::bytes;

/// A stream with checkpoints, its results and those of another config.
async fn streams(bench: &Bench) -> (Said, Said, Said) {
    let audio = bytes(&conversation(16_000, 1));
    let plain = bench
        .stream(with_checkpoints(config()), audio.chunks(CHUNK))
        .await;
    let top = config_with(RecognitionOptions {
        top_k: Some(1),
        ..Default::default()
    });
    let other = bench
        .stream(with_checkpoints(top), audio.chunks(CHUNK))
        .await;
    let (config, audio) = stereo();
    let separate = bench
        .stream(with_checkpoints(config), audio.chunks(CHUNK))
        .await;
    (plain, other, separate)
}

async fn refused(bench: &Bench, config: StreamingConfig, code: Code, message: &str) {
    let said = bench.say([Some(Request::Config(config))]).await;
    said.ended_with(code, message);
    assert!(said.all.is_empty(), "{message}");
}

#[tokio::test]
async fn each_wrong_field_is_answered_as_the_protocol_says() {
    let bench = Bench::new();
    let (plain, other, separate) = streams(&bench).await;
    let good = resume(&plain.results[..7]);
    assert_eq!(good.end_sample, 28_800);
    let checkpoint = |checkpoint: &'static [u8]| Resume {
        checkpoint: Bytes::from_static(checkpoint),
        ..good.clone()
    };
    let cases = [
        (
            Resume {
                replay_from_sample: good.replay_from_sample + 1,
                ..good.clone()
            },
            format!(
                "replay_from_sample: {}; expected at most {} after 7 results",
                good.replay_from_sample + 1,
                good.replay_from_sample
            ),
        ),
        (
            Resume {
                replay_from_sample: u64::MAX,
                ..Resume::default()
            },
            format!(
                "replay_from_sample: {}; expected at most 0 after 0 results",
                u64::MAX
            ),
        ),
        (
            Resume {
                end_sample: 28_801,
                ..good.clone()
            },
            "end_sample: 28801; expected 25601 to 28800 after 7 results".to_owned(),
        ),
        (
            Resume {
                end_sample: 0,
                ..good.clone()
            },
            "end_sample: 0; expected 25601 to 28800 after 7 results".to_owned(),
        ),
        (
            Resume {
                end_sample: 1,
                ..Resume::default()
            },
            "end_sample: 1; expected 0 to 0 after 0 results".to_owned(),
        ),
        (
            Resume {
                results: u64::MAX,
                end_sample: u64::MAX,
                ..Resume::default()
            },
            format!(
                "end_sample: {0}; expected {0} to {0} after {0} results",
                u64::MAX
            ),
        ),
        (
            Resume {
                results: 8,
                ..good.clone()
            },
            "end_sample: 28800; expected 28801 to 32000 after 8 results".to_owned(),
        ),
        (
            Resume {
                channel: Some(1),
                ..good.clone()
            },
            "channel: 1; expected none after 7 results".to_owned(),
        ),
        (
            Resume {
                checkpoint: vec![1; 20_000].into(),
                ..good.clone()
            },
            "checkpoint: 20000 bytes; expected at most 16384".to_owned(),
        ),
        (
            Resume {
                checkpoint: good.checkpoint.clone(),
                ..Resume::default()
            },
            format!(
                "checkpoint: {} bytes; expected none, no result of this stream has one",
                good.checkpoint.len()
            ),
        ),
        (
            checkpoint(b"no checkpoint"),
            "checkpoint: damaged; expected that of the last result".to_owned(),
        ),
        (
            Resume {
                checkpoint: plain.results[5].checkpoint.clone(),
                ..good.clone()
            },
            "checkpoint: after 6 results; expected after 7".to_owned(),
        ),
    ];
    for (resume, message) in cases {
        let config = going_on(&plain, resume);
        let message = format!("config.resume.{message}");
        refused(&bench, config, Code::InvalidArgument, &message).await;
    }

    let good = resume(&separate.results[..7]);
    for (channel, found) in [(None, "missing"), (Some(1), "1")] {
        let config = going_on(
            &separate,
            Resume {
                channel,
                ..good.clone()
            },
        );
        let message = format!("config.resume.channel: {found}; expected 0 after 7 results");
        refused(&bench, config, Code::InvalidArgument, &message).await;
    }

    let good = resume(&plain.results[..7]);
    let elsewhere = [
        (checkpoint(&[8, 2]), "version 2; expected 1"),
        (
            Resume {
                checkpoint: other.results[6].checkpoint.clone(),
                ..good.clone()
            },
            "of another model or config; expected that of the stream that ended",
        ),
    ];
    for (resume, message) in elsewhere {
        let config = going_on(&plain, resume);
        let message = format!("config.resume.checkpoint: {message}");
        refused(&bench, config, Code::FailedPrecondition, &message).await;
    }
}

#[tokio::test]
async fn a_resumed_stream_gets_the_version_that_it_had() {
    let bench = Bench::new();
    let (plain, ..) = streams(&bench).await;
    let asking = |model: Option<&str>| {
        let mut config = going_on(&plain, resume(&plain.results[..7]));
        config.options.as_mut().unwrap().model = model.map(str::to_owned);
        config
    };
    let version = "expected name/version, as in the effective config";
    let cases = [
        (
            Some("double"),
            Code::InvalidArgument,
            format!("\"double\"; {version}"),
        ),
        (None, Code::InvalidArgument, format!("missing; {version}")),
        (
            Some("double/9"),
            Code::FailedPrecondition,
            "\"double/9\" is not served; expected one of double/1, memory/1".to_owned(),
        ),
    ];
    for (model, code, message) in cases {
        let message = format!("config.options.model: {message}");
        refused(&bench, asking(model), code, &message).await;
    }
}

/// The same stream elsewhere, with the end of its audio, and a checkpoint that was made
/// up.
async fn forged(bench: &Bench, whole: &Said, results: usize, audio: &[u8], forged: Vec<u8>) {
    let last = resume(&whole.results[..results]);
    let frame_bytes = 2 * last.channel.map_or(1, |_| 2);
    let from = last.replay_from_sample as usize * frame_bytes;
    let resume = Resume {
        checkpoint: forged.clone().into(),
        ..last
    };
    let said = bench
        .stream(going_on(whole, resume), audio[from..].chunks(CHUNK))
        .await;
    match said.end {
        None => assert_eq!(said.summaries.len(), 2, "{forged:?}"),
        Some(end) => assert!(
            matches!(end.code(), Code::InvalidArgument | Code::FailedPrecondition),
            "{end:?}: {forged:?}"
        ),
    }
    for result in said.results {
        for score in &result.scores {
            let possible = (0.0..=1.0).contains(&score.probability);
            assert!(possible, "{score:?}: {forged:?}");
        }
    }
}

#[tokio::test]
async fn forged_checkpoints_harm_nobody() {
    let bench = Bench::new();
    let (config, audio) = stereo();
    let options = RecognitionOptions {
        model: Some("memory/1".to_owned()),
        smoothing: Some(prost_types::Duration {
            seconds: 1,
            nanos: 0,
        }),
        channels: ChannelPolicy::Separate.into(),
        ..Default::default()
    };
    let config = with_checkpoints(StreamingConfig {
        options: Some(options),
        ..config
    });
    let whole = bench.stream(config, audio.chunks(CHUNK)).await;
    assert!(whole.end.is_none(), "{:?}", whole.end);
    let mut runner = TestRunner::default();
    let arbitrary = vec(any::<u8>(), 1..300);
    let changes = vec((any::<usize>(), any::<u8>()), 1..6);
    for round in 0..400 {
        let results = 1 + round % whole.results.len();
        let valid = whole.results[results - 1].checkpoint.to_vec();
        let mut made_up = valid.clone();
        match round % 4 {
            0 => made_up = arbitrary.new_tree(&mut runner).unwrap().current(),
            1 => made_up.truncate(round % valid.len() + 1),
            // Behind the seal, where it is looked at more closely.
            _ => {
                for (at, byte) in changes.new_tree(&mut runner).unwrap().current() {
                    let behind = 32.min(valid.len() - 1);
                    made_up[behind + at % (valid.len() - behind)] = byte;
                }
            }
        }
        forged(&bench, &whole, results, &audio, made_up).await;
    }
}
