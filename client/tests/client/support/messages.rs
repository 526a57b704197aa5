//! What a server would say.

use prost_types::Duration;
use ser_client::proto::{
    EmotionResult, LabelTime, Model, Score, StreamStarted, StreamSummary, StreamingConfig, Trigger,
    Verdict, streaming_recognize_response::Response,
};

pub(crate) const LABELS: [&str; 7] = [
    "angry",
    "disgust",
    "fear",
    "happy",
    "neutral",
    "pleasant surprise",
    "sad",
];

pub(crate) fn milliseconds(milliseconds: i64) -> Option<Duration> {
    let nanos = i32::try_from(milliseconds % 1000 * 1_000_000).unwrap();
    Some(Duration {
        seconds: milliseconds / 1000,
        nanos,
    })
}

pub(crate) fn model() -> Model {
    Model {
        name: "tess-lstm".to_owned(),
        version: "1".to_owned(),
        description: "Seven acted emotions".to_owned(),
        labels: LABELS.map(str::to_owned).to_vec(),
        licence: "CC-BY-NC-ND-4.0".to_owned(),
        backend: "burn".to_owned(),
        execution_provider: "cpu".to_owned(),
        batch_invariant: true,
        sample_rate: 22_050,
        window: milliseconds(2_995),
        hop: milliseconds(511),
        uncertain_below: 0.5,
        graph_sha256: "0f".repeat(32),
        is_default: true,
    }
}

pub(crate) fn started(mut config: StreamingConfig) -> StreamStarted {
    let options = config.options.get_or_insert_default();
    options.window = options.window.or(model().window);
    options.hop = options.hop.or(model().hop);
    let exact = config.resume.take().map(|_| true);
    StreamStarted {
        stream_id: "stream-7".to_owned(),
        effective: Some(config),
        algorithmic_delay: milliseconds(10),
        numerics: "test".to_owned(),
        model: Some(model()),
        exact,
    }
}

/// Result number `sequence`, one a second, with `top` in front of the others.
pub(crate) fn emotion(sequence: u64, top: &str, probability: f32) -> EmotionResult {
    let others = LABELS.iter().filter(|&&label| label != top);
    let share = (1.0 - probability) / 6.0;
    let scores = std::iter::once((top, probability)).chain(others.map(|&label| (label, share)));
    let seconds = i64::try_from(sequence).unwrap();
    EmotionResult {
        sequence,
        start: milliseconds(0),
        end: milliseconds(1_000 * seconds + 1_000),
        new_start: milliseconds(1_000 * seconds),
        end_sample: 8_000 * (sequence + 1),
        channel: None,
        verdict: Verdict::Emotion.into(),
        label: Some(top.to_owned()),
        scores: scores
            .map(|(label, probability)| Score {
                label: label.to_owned(),
                probability,
            })
            .collect(),
        trigger: Trigger::Interval.into(),
        ..EmotionResult::default()
    }
}

pub(crate) fn uncertain(sequence: u64, top: &str, probability: f32) -> EmotionResult {
    EmotionResult {
        verdict: Verdict::Uncertain.into(),
        ..emotion(sequence, top, probability)
    }
}

pub(crate) fn no_speech(sequence: u64) -> EmotionResult {
    EmotionResult {
        verdict: Verdict::NoSpeech.into(),
        label: None,
        scores: Vec::new(),
        ..emotion(sequence, "sad", 1.0)
    }
}

/// Two seconds happy, half a second sad and uncertain, half a second silent.
pub(crate) fn summary() -> StreamSummary {
    let time = |label: &str| match label {
        "happy" => milliseconds(2_000),
        "sad" => milliseconds(500),
        _ => milliseconds(0),
    };
    StreamSummary {
        channel: None,
        received: milliseconds(3_000),
        received_samples: 24_000,
        classified: milliseconds(2_500),
        no_speech: milliseconds(500),
        uncertain: milliseconds(500),
        time_per_label: LABELS
            .iter()
            .map(|&label| LabelTime {
                label: label.to_owned(),
                time: time(label),
            })
            .collect(),
        mean_posterior: emotion(0, "happy", 0.7).scores,
        overall_label: Some("happy".to_owned()),
        results: 4,
    }
}

pub(crate) fn result(result: EmotionResult) -> Response {
    Response::Result(result)
}
