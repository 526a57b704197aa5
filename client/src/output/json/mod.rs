//! JSON lines for programs. Field names are stable: new ones may come, none
//! goes or changes its meaning.

mod fields;

use std::io::{self, Write};

#[cfg(feature = "microphone")]
use ser_client::audio::microphone::{Device, DeviceState};
use ser_client::{
    Resumed,
    admin_proto::{LogLevel, RepositoryModel},
    proto::{EmotionResult, GoAway, Model, StreamStarted, StreamSummary, StreamWarning},
};
use serde::Serialize;

use self::fields::{ModelFields, StartedFields};
pub(super) use self::fields::{ResultFields, SummaryFields};
use super::{Output, log_level, seconds, short_name};
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
  go_away  time_left, reason: the server is about to stop; only with --no-resume
  resumed  left, reason, server, exact, gap: another server goes on with the stream
           of the one that was left, after no server had it for the time `gap`.
           Not exact: probabilities agree within 1e-5 with those of an
           undisturbed stream
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
        write_line(&mut self.out, &Line::Started(StartedFields::new(started)))
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

    fn resumed(&mut self, resumed: &Resumed) -> io::Result<()> {
        write_line(
            &mut self.out,
            &Line::Resumed {
                left: &resumed.left,
                reason: &resumed.reason,
                server: &resumed.server,
                exact: resumed.exact,
                gap: resumed.gap.as_secs_f64(),
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
            is_monitor: device.is_monitor,
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

/// What the server logs, as one line.
pub(crate) fn write_log_level(out: &mut impl Write, level: &LogLevel) -> io::Result<()> {
    write_line(
        out,
        &Line::LogLevel {
            level: &level.level,
            configured: &level.configured,
            reverts_in: log_level::reverts_in(level).map(|time| time.as_secs_f64()),
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
    Resumed {
        left: &'a str,
        reason: &'a str,
        server: &'a str,
        exact: bool,
        gap: f64,
    },
    Summary(SummaryFields<'a>),
    Model(ModelFields<'a>),
    Health {
        server: &'a str,
        status: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'a str>,
    },
    LogLevel {
        level: &'a str,
        configured: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        reverts_in: Option<f64>,
    },
    #[cfg(feature = "microphone")]
    Device {
        index: usize,
        name: &'a str,
        id: &'a str,
        is_default: bool,
        is_monitor: bool,
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
