//! A stream that is cut after any of its results, and goes on with another server, says
//! what it would have said undisturbed.

use std::path::PathBuf;

use proptest::{prelude::Strategy, strategy::ValueTree, test_runner::TestRunner};
use ser_proto::v1::{
    ChannelPolicy, EmotionResult, RecognitionOptions, Resume, StreamingConfig, Verdict,
    WarningCode, streaming_recognize_response::Response,
};

use super::{Bench, Said, config, config_with, cut, format, results::stereo};
use crate::{
    config::PackageConfig,
    fixture::{babble, bytes},
};

/// Bytes that one request may carry.
pub(super) const CHUNK: usize = 100_000;

/// Speech, a pause and speech again.
pub(super) fn conversation(rate: u32, seed: u32) -> Vec<i16> {
    let pause = vec![0; rate as usize * 3 / 2];
    [
        babble(rate, 2.3, 0.2, seed),
        pause,
        babble(rate, 1.87, 0.1, seed + 1),
    ]
    .concat()
}

pub(super) fn with_checkpoints(config: StreamingConfig) -> StreamingConfig {
    StreamingConfig {
        checkpoints: true,
        ..config
    }
}

fn smoothed(milliseconds: i32) -> RecognitionOptions {
    RecognitionOptions {
        smoothing: Some(prost_types::Duration {
            seconds: 0,
            nanos: milliseconds * 1_000_000,
        }),
        ..Default::default()
    }
}

fn memory(options: RecognitionOptions) -> RecognitionOptions {
    RecognitionOptions {
        model: Some("memory/1".to_owned()),
        ..options
    }
}

/// What a client sends that has these results.
pub(super) fn resume(results: &[EmotionResult]) -> Resume {
    results.last().map_or_else(Resume::default, |last| Resume {
        replay_from_sample: last.replay_from_sample,
        results: results.len() as u64,
        end_sample: last.end_sample,
        channel: last.channel,
        checkpoint: last.checkpoint.clone(),
    })
}

/// The config of a stream that goes on with one that said this, as `resume` says.
pub(super) fn going_on(said: &Said, resume: Resume) -> StreamingConfig {
    StreamingConfig {
        resume: Some(resume),
        ..said.started().effective.clone().unwrap()
    }
}

fn frame_bytes(config: &StreamingConfig) -> usize {
    2 * config.audio.unwrap().channels as usize
}

/// Everything that was said after the first `results` results.
fn after(said: &Said, results: usize) -> &[Response] {
    let is_result = |response: &Response| matches!(response, Response::Result(_));
    let places = said.all.iter().enumerate();
    let mut results_at = places.filter(|(_, said)| is_result(said)).map(|(at, _)| at);
    let last = results
        .checked_sub(1)
        .map_or(Some(0), |last| results_at.nth(last));
    &said.all[last.unwrap() + 1..]
}

/// Cuts a stream after every result and goes on elsewhere, with audio from as late as
/// it may be, and from further back.
async fn cut_everywhere(
    (here, elsewhere): (&Bench, &Bench),
    config: StreamingConfig,
    audio: &[u8],
) -> Said {
    let whole = here
        .stream(with_checkpoints(config), audio.chunks(CHUNK))
        .await;
    assert!(whole.end.is_none(), "{:?}", whole.end);
    let sizes = proptest::collection::vec(1..9_000_usize, 1..20);
    let mut runner = TestRunner::default();
    for results in 0..=whole.results.len() {
        let last = resume(&whole.results[..results]);
        for back in [0, 4_321] {
            let from = last.replay_from_sample.saturating_sub(back);
            let config = going_on(
                &whole,
                Resume {
                    replay_from_sample: from,
                    ..last.clone()
                },
            );
            let rest = &audio[from as usize * frame_bytes(&config)..];
            let sizes = sizes.new_tree(&mut runner).unwrap().current();
            // At its very end there is nothing left to send.
            let chunks = cut(rest, &sizes)
                .into_iter()
                .filter(|chunk| !chunk.is_empty());
            let said = elsewhere.stream(config, chunks).await;
            assert!(said.end.is_none(), "after {results}: {:?}", said.end);
            assert_eq!(said.started().exact, Some(true));
            assert_eq!(
                said.all[1..],
                *after(&whole, results),
                "after {results} results"
            );
        }
    }
    whole
}

fn replays_less_and_less(said: &Said) {
    let froms = said.results.iter().map(|result| result.replay_from_sample);
    assert!(froms.clone().is_sorted());
    assert!(froms.max().unwrap() > 0, "everything is replayed");
}

#[tokio::test]
async fn a_windowed_model_goes_on() {
    let benches = [Bench::new(), Bench::new()];
    let audio = bytes(&conversation(16_000, 1));
    let said = cut_everywhere((&benches[0], &benches[1]), config(), &audio).await;
    replays_less_and_less(&said);
    let silent = said
        .results
        .iter()
        .filter(|result| result.verdict() == Verdict::NoSpeech);
    assert!((1..said.results.len()).contains(&silent.count()));
}

#[tokio::test]
async fn smoothing_goes_on() {
    let benches = [Bench::new(), Bench::new()];
    let audio = bytes(&conversation(44_100, 2));
    let config = StreamingConfig {
        audio: Some(format(44_100, 1)),
        ..config_with(smoothed(700))
    };
    let said = cut_everywhere((&benches[0], &benches[1]), config, &audio).await;
    replays_less_and_less(&said);
}

#[tokio::test]
async fn the_state_of_a_recurrent_model_goes_on() {
    let benches = [Bench::new(), Bench::new()];
    let audio = bytes(&conversation(16_000, 3));
    for options in [RecognitionOptions::default(), smoothed(300)] {
        let config = config_with(memory(options));
        let said = cut_everywhere((&benches[0], &benches[1]), config, &audio).await;
        replays_less_and_less(&said);
    }
}

#[tokio::test]
async fn separate_channels_go_on_between_their_results() {
    let benches = [Bench::new(), Bench::new()];
    let (config, audio) = stereo();
    let said = cut_everywhere((&benches[0], &benches[1]), config, &audio).await;
    let codes = said.warnings.iter().map(|warning| warning.code());
    assert!(codes.eq([WarningCode::NarrowBand, WarningCode::ClippedAudio]));

    let lanes = [4, 5, 6].map(|seed| conversation(22_050, seed));
    let length = lanes[0].len();
    let samples: Vec<_> = (0..length)
        .flat_map(|at| lanes.each_ref().map(|lane| lane[at]))
        .collect();
    let separate = RecognitionOptions {
        channels: ChannelPolicy::Separate.into(),
        ..memory(smoothed(500))
    };
    let config = StreamingConfig {
        audio: Some(format(22_050, 3)),
        ..config_with(separate)
    };
    let said = cut_everywhere((&benches[0], &benches[1]), config, &bytes(&samples)).await;
    replays_less_and_less(&said);
}

/// Overdriven from the fourth second on, which is found out between two results.
#[tokio::test]
async fn audio_that_is_clipped_later_is_told_once() {
    let benches = [Bench::new(), Bench::new()];
    let samples = [babble(16_000, 3.55, 0.2, 7), babble(16_000, 2.0, 3.0, 8)].concat();
    let said = cut_everywhere((&benches[0], &benches[1]), config(), &bytes(&samples)).await;
    assert_eq!(said.warnings.len(), 1);
    let mut places = said.all.iter();
    let at = places.position(|said| matches!(said, Response::Warning(_)));
    assert!((5..said.all.len() - 3).contains(&at.unwrap()), "{at:?}");
}

fn on_burn(package: Option<PathBuf>) -> Bench {
    Bench::with(|fixture| {
        let models = &mut fixture.config.models;
        models.directory = None;
        models.embedded = package.is_none();
        models.backend = "burn".to_owned();
        models.packages = package.map(PackageConfig::new).into_iter().collect();
    })
}

#[tokio::test]
async fn the_seed_model_goes_on() {
    let benches = [on_burn(None), on_burn(None)];
    for (rate, options) in [
        (16_000, smoothed(900)),
        (24_414, RecognitionOptions::default()),
    ] {
        let samples = [conversation(rate, 9), conversation(rate, 11)].concat();
        let config = StreamingConfig {
            audio: Some(format(rate, 1)),
            ..config_with(options)
        };
        let said = cut_everywhere((&benches[0], &benches[1]), config, &bytes(&samples)).await;
        replays_less_and_less(&said);
        let sizes = said.results.iter().map(|result| result.checkpoint.len());
        assert!(sizes.max().unwrap() < 256, "{rate} Hz");
    }
}

#[tokio::test]
async fn a_real_recurrent_model_goes_on() {
    let path = PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../backends/core/tests/packages/tiny-recurrent/1"
    ));
    let benches = [on_burn(Some(path.clone())), on_burn(Some(path))];
    let audio = bytes(&conversation(16_000, 13));
    let said = cut_everywhere(
        (&benches[0], &benches[1]),
        config_with(smoothed(400)),
        &audio,
    )
    .await;
    replays_less_and_less(&said);
}

#[tokio::test]
async fn without_a_checkpoint_windows_go_on_and_totals_begin_anew() {
    let bench = Bench::new();
    let audio = bytes(&conversation(16_000, 1));
    let whole = bench.stream(config(), audio.chunks(CHUNK)).await;
    for results in 1..=whole.results.len() {
        let last = resume(&whole.results[..results]);
        assert!(last.checkpoint.is_empty());
        let from = last.replay_from_sample as usize;
        let rest = audio[2 * from..].chunks(10_000);
        let said = bench.stream(going_on(&whole, last), rest).await;
        assert!(said.end.is_none(), "after {results}: {:?}", said.end);
        assert_eq!(said.started().exact, Some(false));
        assert_eq!(said.results, whole.results[results..]);
        let [summary] = &said.summaries[..] else {
            panic!("expected one summary")
        };
        assert_eq!(summary.results, said.results.len() as u64);
        assert_eq!(
            summary.received_samples,
            whole.summaries[0].received_samples
        );
    }
}

#[tokio::test]
async fn other_numerics_are_told() {
    let here = Bench::new();
    let elsewhere = Bench::with(|fixture| fixture.backend.numerics = "other");
    let audio = bytes(&conversation(16_000, 1));
    let config = with_checkpoints(config_with(smoothed(500)));
    let whole = here.stream(config, audio.chunks(CHUNK)).await;
    let last = resume(&whole.results[..9]);
    let from = 2 * last.replay_from_sample as usize;
    let said = elsewhere
        .stream(going_on(&whole, last), audio[from..].chunks(CHUNK))
        .await;
    assert_eq!(said.started().exact, Some(false));
    assert_eq!(said.summaries, whole.summaries);
    // Nor is what goes on with it, wherever that is.
    let last = said.results[2].clone();
    let again = Resume {
        results: last.sequence + 1,
        ..resume(&[last])
    };
    let from = 2 * again.replay_from_sample as usize;
    for bench in [&here, &elsewhere] {
        let config = going_on(&whole, again.clone());
        let said = bench.stream(config, audio[from..].chunks(CHUNK)).await;
        assert_eq!(said.started().exact, Some(false));
        assert_eq!(said.summaries, whole.summaries);
    }
    // Nothing was told that could differ.
    let said = elsewhere
        .stream(going_on(&whole, resume(&[])), audio.chunks(CHUNK))
        .await;
    assert_eq!(said.started().exact, Some(true));
}

#[tokio::test]
async fn a_memory_that_is_too_large_for_checkpoints_starts_anew() {
    let bench = Bench::with(|fixture| fixture.remember(4_096));
    let audio = bytes(&conversation(16_000, 1));
    let config = with_checkpoints(config_with(memory(RecognitionOptions::default())));
    let whole = bench.stream(config, audio.chunks(CHUNK)).await;
    assert!(!whole.started().effective.as_ref().unwrap().checkpoints);
    let last = resume(&whole.results[..9]);
    assert!(last.checkpoint.is_empty());
    let from = 2 * last.replay_from_sample as usize;
    let said = bench
        .stream(going_on(&whole, last), audio[from..].chunks(CHUNK))
        .await;
    assert!(said.end.is_none(), "{:?}", said.end);
    assert_eq!(said.started().exact, Some(false));
    let spans = |results: &[EmotionResult]| -> Vec<_> {
        let spans = results.iter();
        spans
            .map(|result| (result.sequence, result.new_start, result.end))
            .collect()
    };
    assert_eq!(spans(&said.results), spans(&whole.results[9..]));
}
