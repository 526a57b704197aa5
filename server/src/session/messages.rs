//! From what the server works with to messages of the protocol.

use std::time::Duration;

use prost::bytes::Bytes;
use ser_backend::instruction_sets;
use ser_features::{ChannelSelection, Encoding, PcmFormat, Trigger};
use ser_proto::v1;

use super::{Carried, Recognition, lane::Span};
use crate::{
    batcher::Pace,
    decision::{Classification, Decision, Summary},
    models::ServedModel,
};

/// The answer to an accepted config.
pub(crate) fn started(recognition: &Recognition, stream_id: String) -> v1::StreamStarted {
    let pace = match recognition.pace {
        Pace::Live => v1::Pace::Live,
        Pace::Bulk => v1::Pace::Bulk,
    };
    let model = &recognition.model;
    v1::StreamStarted {
        stream_id,
        effective: Some(v1::StreamingConfig {
            pace: pace.into(),
            checkpoints: matches!(recognition.carried, Carried::Checkpoint(_)),
            ..effective(recognition)
        }),
        algorithmic_delay: Some(duration(recognition.plan.algorithmic_delay())),
        numerics: numerics(model),
        model: Some(self::model(model, recognition.is_default_model)),
        exact: recognition.position.exact,
    }
}

/// What results depend on of the config in effect.
pub(super) fn effective(recognition: &Recognition) -> v1::StreamingConfig {
    let Recognition {
        format,
        selection,
        model,
        plan,
        top_k,
        smoothing,
        ..
    } = recognition;
    let (channels, picked_channel) = match *selection {
        ChannelSelection::Mix => (v1::ChannelPolicy::Mix, None),
        ChannelSelection::Pick(channel) => (v1::ChannelPolicy::Pick, Some(small(channel))),
        ChannelSelection::Separate => (v1::ChannelPolicy::Separate, None),
    };
    let options = v1::RecognitionOptions {
        model: Some(model.id().to_owned()),
        channels: channels.into(),
        picked_channel,
        window: plan.window().map(duration),
        hop: Some(duration(plan.hop())),
        top_k: Some(small(*top_k)),
        smoothing: smoothing.map(duration),
    };
    v1::StreamingConfig {
        audio: Some(audio_format(*format)),
        options: Some(options),
        ..v1::StreamingConfig::default()
    }
}

/// A model as clients see it.
pub(crate) fn model(model: &ServedModel, is_default: bool) -> v1::Model {
    let (manifest, info) = (model.manifest(), model.info());
    v1::Model {
        name: manifest.name.clone(),
        version: manifest.version.clone(),
        description: manifest.description.clone(),
        labels: manifest.labels.clone(),
        licence: manifest.licence.clone(),
        backend: info.backend.clone(),
        execution_provider: info.execution_provider.clone(),
        batch_invariant: info.batch_invariant,
        sample_rate: model.sample_rate(),
        window: model.own_plan().window().map(duration),
        hop: Some(duration(model.own_plan().hop())),
        uncertain_below: manifest.decision.uncertain_below,
        graph_sha256: model.graph_sha256().to_owned(),
        is_default,
    }
}

/// Everything that the bits of results depend on besides audio and config. What no
/// version tells, such as a compiler or the system's mathematical functions, shows in
/// the bits of the golden audio.
pub(super) fn numerics(model: &ServedModel) -> String {
    format!(
        "ser-server {} {} {}; {}; {}; {}; graph {}; golden {}",
        env!("CARGO_PKG_VERSION"),
        // The front end's bits depend on them whatever the backend's do.
        std::env::consts::ARCH,
        instruction_sets().join(" "),
        model.info().backend,
        model.info().execution_provider,
        model.info().numerics,
        model.graph_sha256(),
        model.golden_bits(),
    )
}

/// A result, but for its place among the session's others.
pub(super) fn result(
    recognition: &Recognition,
    span: Span,
    decision: &Decision<'_>,
) -> v1::EmotionResult {
    let verdict = match decision {
        Decision::NoSpeech => v1::Verdict::NoSpeech,
        Decision::Emotion(_) => v1::Verdict::Emotion,
        Decision::Uncertain(_) => v1::Verdict::Uncertain,
    };
    let trigger = match span.trigger {
        Trigger::Interval => v1::Trigger::Interval,
        Trigger::EndOfStream => v1::Trigger::EndOfStream,
    };
    let labels = &recognition.model.manifest().labels;
    let classification = decision.classification();
    v1::EmotionResult {
        sequence: 0,
        start: Some(duration(span.start)),
        end: Some(duration(span.end)),
        new_start: Some(duration(span.new_start)),
        end_sample: span.end_sample,
        channel: None,
        verdict: verdict.into(),
        label: classification.map(|classification| labels[classification.label].clone()),
        scores: classification
            .map(|classification| best(recognition, classification))
            .unwrap_or_default(),
        trigger: trigger.into(),
        replay_from_sample: 0,
        checkpoint: Bytes::new(),
    }
}

/// The likeliest labels, best first; of equals, the first in the model's order.
fn best(recognition: &Recognition, classification: Classification<'_>) -> Vec<v1::Score> {
    let mut scores = scores(recognition, classification.posteriors);
    scores.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    scores.truncate(recognition.top_k);
    scores
}

/// In the model's order of labels.
fn scores(recognition: &Recognition, posteriors: &[f32]) -> Vec<v1::Score> {
    let labels = &recognition.model.manifest().labels;
    labels
        .iter()
        .zip(posteriors)
        .map(|(label, &probability)| v1::Score {
            label: label.clone(),
            probability,
        })
        .collect()
}

/// The whole of one lane, but for the lane itself.
pub(super) fn summary(
    recognition: &Recognition,
    received_samples: u64,
    summary: Summary,
) -> v1::StreamSummary {
    let labels = &recognition.model.manifest().labels;
    let time_per_label = labels
        .iter()
        .zip(&summary.time_per_label)
        .map(|(label, &time)| v1::LabelTime {
            label: label.clone(),
            time: Some(duration(time)),
        })
        .collect();
    v1::StreamSummary {
        channel: None,
        received: Some(duration(samples(received_samples, recognition.format))),
        received_samples,
        classified: Some(duration(summary.classified)),
        no_speech: Some(duration(summary.no_speech)),
        uncertain: Some(duration(summary.uncertain)),
        time_per_label,
        mean_posterior: summary
            .mean_posterior
            .map(|posteriors| scores(recognition, &posteriors))
            .unwrap_or_default(),
        overall_label: summary.overall_label.map(|label| labels[label].clone()),
        results: summary.results,
    }
}

/// The warning that goes with audio of a rate below the model's.
pub(super) fn narrow_band(recognition: &Recognition) -> Option<v1::StreamWarning> {
    let (rate, model_rate) = (
        recognition.format.sample_rate.hz(),
        recognition.model.sample_rate(),
    );
    (rate < model_rate).then(|| v1::StreamWarning {
        code: v1::WarningCode::NarrowBand.into(),
        message: format!(
            "audio at {rate} Hz holds nothing above {} Hz, the model was trained on up to {} Hz; \
             send {model_rate} Hz or more if the source has it",
            rate / 2,
            model_rate / 2,
        ),
        channel: None,
    })
}

/// The warning that goes with an overdriven lane.
pub(super) fn clipped_audio(
    recognition: &Recognition,
    lane: usize,
    share: f32,
) -> v1::StreamWarning {
    v1::StreamWarning {
        code: v1::WarningCode::ClippedAudio.into(),
        message: format!(
            "{:.0} % of the last second's samples are at full scale; lower the gain of the source",
            share * 100.0,
        ),
        channel: recognition.channel(lane),
    }
}

fn audio_format(format: PcmFormat) -> v1::AudioFormat {
    let encoding = match format.encoding {
        Encoding::S16Le => v1::Encoding::S16le,
        Encoding::F32Le => v1::Encoding::F32le,
        Encoding::MuLaw => v1::Encoding::Mulaw,
        Encoding::ALaw => v1::Encoding::Alaw,
    };
    v1::AudioFormat {
        encoding: encoding.into(),
        sample_rate: format.sample_rate.hz(),
        channels: small(format.channels.get()),
    }
}

/// How long so many samples of one channel last, to the nearest nanosecond.
pub(super) fn samples(count: u64, format: PcmFormat) -> Duration {
    let rate = u128::from(format.sample_rate.hz());
    let nanos = (u128::from(count) * 1_000_000_000 + rate / 2) / rate;
    Duration::from_nanos(u64::try_from(nanos).expect("a stream lasts less than 584 years"))
}

pub(super) fn duration(duration: Duration) -> prost_types::Duration {
    duration
        .try_into()
        .expect("no time here is longer than a stream lasts")
}

fn small(count: usize) -> u32 {
    u32::try_from(count).expect("channels and labels are counted in tens")
}
