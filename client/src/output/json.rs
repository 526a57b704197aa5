//! JSON lines for programs. Field names are stable: new ones may come, none
//! goes or changes its meaning.

use std::io::{self, Write};

#[cfg(feature = "microphone")]
use ser_client::audio::microphone::{Device, DeviceState};
use ser_client::{
    admin_proto::RepositoryModel,
    proto::{
        EmotionResult, GoAway, Model, Score, StreamStarted, StreamSummary, StreamWarning,
        StreamingConfig,
    },
};
use serde::Serialize;

use super::{Output, seconds, short_name};
use crate::failure::Failure;

/// The reference of the format, part of the help of `stream`.
pub(crate) const JSON_HELP: &str = r#"JSON lines (--json): one object a line, `type` first. Times and durations are
seconds from the first sample; a field that does not apply is left out.

  started  once, first: stream_id, model, audio {encoding, sample_rate,
           channels}, channel_policy, picked_channel, window, hop, top_k,
           smoothing, pace, algorithmic_delay, numerics; what is in effect, so
           window and hop are rounded to the model's frames.
           model: name, version, description, labels, licence, backend,
           execution_provider, batch_invariant, sample_rate, window, hop,
           uncertain_below, graph_sha256, is_default
  result   sequence, start, end, new_start, end_sample, channel, verdict
           (emotion, no_speech, uncertain), label, scores [{label,
           probability}], trigger (interval, end_of_stream)
           The result speaks for new_start to end, and was computed on start to
           end.
  warning  code (narrow_band, clipped_audio; client: found before the audio
           left), message, channel
  go_away  time_left, reason: the server is about to stop
  summary  once a channel, last: channel, received, received_samples,
           classified, no_speech, uncertain, time_per_label [{label, time}],
           mean_posterior [{label, probability}], overall_label, results

Example: {"type":"result","sequence":0,"start":0.0,"end":1.02,"new_start":0.0,
"end_sample":16320,"verdict":"emotion","label":"happy","scores":[{"label":
"happy","probability":0.93}],"trigger":"interval"}"#;

/// Writes each event as one line.
#[derive(Debug)]
pub(super) struct JsonLines<W> {
    out: W,
}

impl<W: Write> JsonLines<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out }
    }
}

impl<W: Write> Output for JsonLines<W> {
    fn started(&mut self, started: &StreamStarted) -> io::Result<()> {
        write_line(&mut self.out, &Line::started(started))
    }

    fn result(&mut self, result: &EmotionResult) -> io::Result<()> {
        write_line(&mut self.out, &Line::Result(ResultFields::new(result)))
    }

    fn warning(&mut self, warning: &StreamWarning) -> io::Result<()> {
        let code = short_name(warning.code().as_str_name(), "WARNING_CODE_");
        let (message, channel) = (&warning.message, warning.channel);
        write_line(
            &mut self.out,
            &Line::Warning {
                code,
                message,
                channel,
            },
        )
    }

    fn caution(&mut self, text: &str) -> io::Result<()> {
        let line = Line::Warning {
            code: "client".to_owned(),
            message: text,
            channel: None,
        };
        write_line(&mut self.out, &line)
    }

    fn go_away(&mut self, go_away: &GoAway) -> io::Result<()> {
        let time_left = seconds(go_away.time_left);
        write_line(
            &mut self.out,
            &Line::GoAway {
                time_left,
                reason: &go_away.reason,
            },
        )
    }

    fn summary(&mut self, summary: &StreamSummary) -> io::Result<()> {
        write_line(&mut self.out, &Line::Summary(SummaryFields::new(summary)))
    }
}

/// One model as one line.
pub(crate) fn write_model(out: &mut impl Write, model: &Model) -> io::Result<()> {
    write_line(out, &Line::Model(ModelFields::new(model)))
}

/// The outcome of a health check as one line.
pub(crate) fn write_health(
    out: &mut impl Write,
    server: &str,
    outcome: &Result<(), Failure>,
) -> io::Result<()> {
    let status = match outcome {
        Ok(()) => "serving",
        Err(Failure::NotServing { status, .. }) => status,
        Err(Failure::NotServingInTime { why: None, .. }) => "not_serving",
        Err(_) => "unreachable",
    };
    let reason = outcome.as_ref().err().map(Failure::to_string);
    write_line(
        out,
        &Line::Health {
            server,
            status,
            reason: reason.as_deref(),
        },
    )
}

/// One sound device as one line.
#[cfg(feature = "microphone")]
pub(crate) fn write_device(out: &mut impl Write, index: usize, device: &Device) -> io::Result<()> {
    let (state, native) = match &device.state {
        DeviceState::Ready(native) => ("ready", Some(native)),
        DeviceState::Busy => ("busy", None),
        DeviceState::Denied => ("denied", None),
    };
    write_line(
        out,
        &Line::Device {
            index,
            name: &device.name,
            id: &device.id,
            is_default: device.is_default,
            state,
            sample: native.map(|native| native.sample.as_str()),
            sample_rate: native.map(|native| native.sample_rate),
            channels: native.map(|native| native.channels),
        },
    )
}

/// One version in the repository as one line.
pub(crate) fn write_repository_model(
    out: &mut impl Write,
    model: &RepositoryModel,
) -> io::Result<()> {
    write_line(
        out,
        &Line::RepositoryModel {
            name: &model.name,
            version: &model.version,
            state: short_name(model.state().as_str_name(), "STATE_"),
            refusal: Some(model.refusal.as_str()).filter(|refusal| !refusal.is_empty()),
            open_streams: model.open_streams,
            is_default: model.is_default,
            origin: &model.origin,
        },
    )
}

pub(super) fn write_line(out: &mut impl Write, line: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_string(line)?;
    text.push('\n');
    out.write_all(text.as_bytes())?;
    out.flush()
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line<'a> {
    Started(StartedFields<'a>),
    Result(ResultFields<'a>),
    Warning {
        code: String,
        message: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        channel: Option<u32>,
    },
    GoAway {
        time_left: f64,
        reason: &'a str,
    },
    Summary(SummaryFields<'a>),
    Model(ModelFields<'a>),
    Health {
        server: &'a str,
        status: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'a str>,
    },
    #[cfg(feature = "microphone")]
    Device {
        index: usize,
        name: &'a str,
        id: &'a str,
        is_default: bool,
        state: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        sample: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        sample_rate: Option<u32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        channels: Option<u16>,
    },
    RepositoryModel {
        name: &'a str,
        version: &'a str,
        state: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        refusal: Option<&'a str>,
        open_streams: u32,
        is_default: bool,
        origin: &'a str,
    },
}

#[derive(Serialize)]
struct StartedFields<'a> {
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
struct ModelFields<'a> {
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
pub(super) struct ResultFields<'a> {
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
pub(super) struct SummaryFields<'a> {
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

impl<'a> Line<'a> {
    fn started(started: &'a StreamStarted) -> Self {
        Self::Started(StartedFields {
            stream_id: &started.stream_id,
            model: started.model.as_ref().map(ModelFields::new),
            effective: started.effective.as_ref().map(EffectiveFields::new),
            algorithmic_delay: seconds(started.algorithmic_delay),
            numerics: &started.numerics,
        })
    }
}

impl<'a> ResultFields<'a> {
    pub(super) fn new(result: &'a EmotionResult) -> Self {
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
    pub(super) fn new(summary: &'a StreamSummary) -> Self {
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
    fn new(model: &'a Model) -> Self {
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
