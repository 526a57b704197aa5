//! What the messages of the protocol are as JSON.

use ser_client::proto::{
    EmotionResult, Model, Score, StreamStarted, StreamSummary, StreamingConfig,
};
use serde::Serialize;

use crate::output::{seconds, short_name};

#[derive(Serialize)]
pub(super) struct StartedFields<'a> {
    stream_id: &'a str,
    model: Option<ModelFields<'a>>,
    #[serde(flatten)]
    effective: Option<EffectiveFields>,
    algorithmic_delay: f64,
    numerics: &'a str,
}

#[derive(Serialize)]
struct EffectiveFields {
    audio: AudioFields,
    channel_policy: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    picked_channel: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hop: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    smoothing: Option<f64>,
    pace: String,
}

#[derive(Serialize)]
struct AudioFields {
    encoding: String,
    sample_rate: u32,
    channels: u32,
}

#[derive(Serialize)]
pub(super) struct ModelFields<'a> {
    name: &'a str,
    version: &'a str,
    description: &'a str,
    labels: &'a [String],
    licence: &'a str,
    backend: &'a str,
    execution_provider: &'a str,
    batch_invariant: bool,
    sample_rate: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<f64>,
    hop: f64,
    uncertain_below: f32,
    graph_sha256: &'a str,
    is_default: bool,
}

#[derive(Serialize)]
pub(in crate::output) struct ResultFields<'a> {
    sequence: u64,
    start: f64,
    end: f64,
    new_start: f64,
    end_sample: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<u32>,
    verdict: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'a str>,
    scores: Vec<ScoreFields<'a>>,
    trigger: String,
}

#[derive(Serialize)]
pub(in crate::output) struct SummaryFields<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<u32>,
    received: f64,
    received_samples: u64,
    classified: f64,
    no_speech: f64,
    uncertain: f64,
    time_per_label: Vec<TimeFields<'a>>,
    mean_posterior: Vec<ScoreFields<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    overall_label: Option<&'a str>,
    results: u64,
}

#[derive(Serialize)]
struct ScoreFields<'a> {
    label: &'a str,
    probability: f32,
}

#[derive(Serialize)]
struct TimeFields<'a> {
    label: &'a str,
    time: f64,
}

impl<'a> StartedFields<'a> {
    pub(super) fn new(started: &'a StreamStarted) -> Self {
        Self {
            stream_id: &started.stream_id,
            model: started.model.as_ref().map(ModelFields::new),
            effective: started.effective.as_ref().map(EffectiveFields::new),
            algorithmic_delay: seconds(started.algorithmic_delay),
            numerics: &started.numerics,
        }
    }
}

impl<'a> ResultFields<'a> {
    pub(in crate::output) fn new(result: &'a EmotionResult) -> Self {
        Self {
            sequence: result.sequence,
            start: seconds(result.start),
            end: seconds(result.end),
            new_start: seconds(result.new_start),
            end_sample: result.end_sample,
            channel: result.channel,
            verdict: short_name(result.verdict().as_str_name(), "VERDICT_"),
            label: result.label.as_deref(),
            scores: scores(&result.scores),
            trigger: short_name(result.trigger().as_str_name(), "TRIGGER_"),
        }
    }
}

impl<'a> SummaryFields<'a> {
    pub(in crate::output) fn new(summary: &'a StreamSummary) -> Self {
        let times = summary.time_per_label.iter();
        Self {
            channel: summary.channel,
            received: seconds(summary.received),
            received_samples: summary.received_samples,
            classified: seconds(summary.classified),
            no_speech: seconds(summary.no_speech),
            uncertain: seconds(summary.uncertain),
            time_per_label: times
                .map(|t| TimeFields {
                    label: &t.label,
                    time: seconds(t.time),
                })
                .collect(),
            mean_posterior: scores(&summary.mean_posterior),
            overall_label: summary.overall_label.as_deref(),
            results: summary.results,
        }
    }
}

impl EffectiveFields {
    fn new(config: &StreamingConfig) -> Self {
        let pace = short_name(config.pace().as_str_name(), "PACE_");
        let audio = config.audio.unwrap_or_default();
        let options = config.options.clone().unwrap_or_default();
        Self {
            audio: AudioFields {
                encoding: short_name(audio.encoding().as_str_name(), "ENCODING_"),
                sample_rate: audio.sample_rate,
                channels: audio.channels,
            },
            channel_policy: short_name(options.channels().as_str_name(), "CHANNEL_POLICY_"),
            picked_channel: options.picked_channel,
            window: options.window.map(|time| seconds(Some(time))),
            hop: options.hop.map(|time| seconds(Some(time))),
            top_k: options.top_k,
            smoothing: options.smoothing.map(|time| seconds(Some(time))),
            pace,
        }
    }
}

impl<'a> ModelFields<'a> {
    pub(super) fn new(model: &'a Model) -> Self {
        Self {
            name: &model.name,
            version: &model.version,
            description: &model.description,
            labels: &model.labels,
            licence: &model.licence,
            backend: &model.backend,
            execution_provider: &model.execution_provider,
            batch_invariant: model.batch_invariant,
            sample_rate: model.sample_rate,
            window: model.window.map(|time| seconds(Some(time))),
            hop: seconds(model.hop),
            uncertain_below: model.uncertain_below,
            graph_sha256: &model.graph_sha256,
            is_default: model.is_default,
        }
    }
}

fn scores(scores: &[Score]) -> Vec<ScoreFields<'_>> {
    scores
        .iter()
        .map(|score| ScoreFields {
            label: &score.label,
            probability: score.probability,
        })
        .collect()
}
