//! What streams say of their audio.

use proptest::{prelude::Strategy, strategy::ValueTree, test_runner::TestRunner};
use ser_proto::v1::{
    ChannelPolicy, RecognitionOptions, StreamingConfig, Trigger, Verdict, WarningCode,
};

use super::{Bench, config, config_with, cut, format, seconds};
use crate::fixture::{STEPS, babble, bytes};

/// Two channels, one of them overdriven, at a rate below the model's.
pub(super) fn stereo() -> (StreamingConfig, Vec<u8>) {
    let left = babble(11_025, 2.35, 0.2, 1);
    let right = babble(11_025, 2.35, 3.0, 2);
    let samples: Vec<i16> = left
        .into_iter()
        .zip(right)
        .flat_map(|(left, right)| [left, right])
        .collect();
    let config = StreamingConfig {
        audio: Some(format(11_025, 2)),
        ..config_with(RecognitionOptions {
            channels: ChannelPolicy::Separate.into(),
            ..Default::default()
        })
    };
    (config, bytes(&samples))
}

#[tokio::test]
async fn results_tell_of_all_audio_once() {
    let bench = Bench::new();
    let speech = bytes(&babble(16_000, 2.35, 0.2, 1));
    let said = bench.stream(config(), speech.chunks(3_200)).await;
    assert!(said.end.is_none(), "{:?}", said.end);
    assert!(said.warnings.is_empty(), "{:?}", said.warnings);
    let mut covered = 0.0;
    for (at, result) in said.results.iter().enumerate() {
        assert_eq!(result.sequence, at as u64);
        assert_eq!(result.channel, None);
        assert_eq!(seconds(result.new_start), covered);
        covered = seconds(result.end);
        assert!(seconds(result.start) <= seconds(result.new_start));
        let last = at + 1 == said.results.len();
        let trigger = if last {
            Trigger::EndOfStream
        } else {
            Trigger::Interval
        };
        assert_eq!(result.trigger(), trigger);
        if result.verdict() == Verdict::Emotion {
            assert_eq!(result.label.as_ref(), Some(&result.scores[0].label));
            assert_eq!(result.scores.len(), 3);
            assert!(
                result
                    .scores
                    .is_sorted_by(|a, b| a.probability >= b.probability)
            );
        }
    }
    assert_eq!(covered, 2.35);
    assert!(
        said.results
            .iter()
            .any(|result| result.verdict() == Verdict::Emotion)
    );
    let [summary] = &said.summaries[..] else {
        panic!("expected one summary")
    };
    assert_eq!(
        (summary.received_samples, seconds(summary.received)),
        (37_600, 2.35)
    );
    assert_eq!(summary.results, said.results.len() as u64);
    let told = seconds(summary.classified) + seconds(summary.no_speech);
    assert!((told - 2.35).abs() < 1e-9, "{told}");
}

#[tokio::test]
async fn silence_never_reaches_the_model() {
    let bench = Bench::new();
    let said = bench.stream(config(), [&[0; 48_000][..]]).await;
    assert!(!said.results.is_empty());
    for result in &said.results {
        assert_eq!(result.verdict(), Verdict::NoSpeech);
        assert!(result.label.is_none() && result.scores.is_empty());
    }
    assert_eq!(said.summaries[0].overall_label, None);
    assert!(said.summaries[0].mean_posterior.is_empty());
}

#[tokio::test]
async fn no_audio_is_no_error() {
    let said = Bench::new().stream(config(), []).await;
    assert!(said.end.is_none() && said.results.is_empty(), "{said:?}");
    assert_eq!(said.summaries[0].received_samples, 0);
}

#[tokio::test]
async fn chunks_change_nothing() {
    let bench = Bench::new();
    let (config, audio) = stereo();
    let whole = bench.stream(config.clone(), [&audio[..]]).await;
    assert!(whole.end.is_none(), "{:?}", whole.end);
    let codes: Vec<_> = whole
        .warnings
        .iter()
        .map(|warning| (warning.code(), warning.channel))
        .collect();
    assert_eq!(
        codes,
        [
            (WarningCode::NarrowBand, None),
            (WarningCode::ClippedAudio, Some(1))
        ]
    );
    assert!(
        whole
            .results
            .iter()
            .any(|result| result.verdict() == Verdict::Emotion)
    );

    let single = bench.stream(config.clone(), audio.chunks(1)).await;
    assert_eq!(single.all, whole.all);
    let sizes = proptest::collection::vec(1..20_000_usize, 1..40);
    let mut runner = TestRunner::default();
    for _ in 0..8 {
        let sizes = sizes.new_tree(&mut runner).unwrap().current();
        let said = bench.stream(config.clone(), cut(&audio, &sizes)).await;
        assert_eq!(said.all, whole.all, "chunks of {sizes:?}");
    }
}

#[tokio::test]
async fn the_state_of_a_recurrent_model_travels_with_its_stream() {
    let bench = Bench::new();
    let config = config_with(RecognitionOptions {
        model: Some("memory/1".to_owned()),
        ..Default::default()
    });
    let speech = bytes(&babble(16_000, 3.0, 0.2, 1));
    let said = bench.stream(config, speech.chunks(997)).await;
    assert!(said.end.is_none(), "{:?}", said.end);
    let calm: Vec<f32> = said
        .results
        .iter()
        .filter(|result| {
            result.verdict() != Verdict::NoSpeech && result.trigger() == Trigger::Interval
        })
        .map(|result| {
            result
                .scores
                .iter()
                .find(|score| score.label == "calm")
                .unwrap()
                .probability
        })
        .collect();
    assert!(calm.len() >= 5, "{calm:?}");
    for (at, calm) in calm.iter().enumerate() {
        let expected = 1.0 / (1.0 + ((at + 1) * STEPS) as f32);
        assert!(
            (calm - expected).abs() < 1e-6,
            "row {at}: {calm}; expected {expected}"
        );
    }
}
