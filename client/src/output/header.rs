//! What a person should know of a stream before its first result.

use ser_client::proto::StreamStarted;

use super::{printable, seconds, short_name};

/// The model: its name, then what it is.
pub(super) fn model(started: &StreamStarted) -> (String, String) {
    let model = started.model.clone().unwrap_or_default();
    let name = format!("{}/{}", printable(&model.name), printable(&model.version));
    (name, printable(&model.description).into_owned())
}

/// What it may be used for, and what it runs on.
pub(super) fn provenance(started: &StreamStarted) -> String {
    let model = started.model.clone().unwrap_or_default();
    format!(
        "licence {} · backend {} on {}",
        printable(&model.licence),
        printable(&model.backend),
        printable(&model.execution_provider),
    )
}

/// How results are computed, and from what.
pub(super) fn settings(started: &StreamStarted) -> String {
    let config = started.effective.clone().unwrap_or_default();
    let pace = short_name(config.pace().as_str_name(), "PACE_");
    let audio = config.audio.unwrap_or_default();
    let encoding = short_name(audio.encoding().as_str_name(), "ENCODING_");
    let options = config.options.unwrap_or_default();
    let mut parts = Vec::new();
    if options.window.is_some() {
        parts.push(format!("window {:.2} s", seconds(options.window)));
    }
    if options.hop.is_some() {
        parts.push(format!("hop {:.2} s", seconds(options.hop)));
    }
    if options.smoothing.is_some() {
        parts.push(format!("smoothing {:.2} s", seconds(options.smoothing)));
    }
    parts.push(format!("{} Hz {encoding}", audio.sample_rate));
    if audio.channels > 1 {
        let policy = short_name(options.channels().as_str_name(), "CHANNEL_POLICY_");
        let picked = options
            .picked_channel
            .map(|n| format!(" {n}"))
            .unwrap_or_default();
        parts.push(format!("{} channels, {policy}{picked}", audio.channels));
    }
    parts.push(pace);
    parts.join(" · ")
}
