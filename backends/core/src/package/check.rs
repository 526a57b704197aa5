//! What makes a package valid. Every complaint names the key, what it holds and
//! what was expected.

use std::{collections::HashSet, ops::RangeInclusive};

use serde::de::DeserializeOwned;

use super::{FORMAT, Golden, GoldenAudio, GoldenRow, InputSpec, Manifest};
use crate::RowShape;

/// Labels of a model at least and at most.
const LABELS: RangeInclusive<usize> = 2..=1024;

/// Numbers of a row's features or state at most.
const MAX_VALUES: usize = 1 << 20;

/// Golden rows and clips at most.
const MAX_GOLDEN: usize = 4096;

/// Sample rates that the front end takes, in Hz.
const SAMPLE_RATES: RangeInclusive<u32> = 8_000..=192_000;

/// How far golden posteriors may sum up from 1.
const SUM_TOLERANCE: f32 = 1e-2;

pub(super) fn manifest(text: &str) -> Result<Manifest, String> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let start = error.span().map_or(0, |span| span.start);
        let line = 1 + text
            .bytes()
            .take(start)
            .filter(|byte| *byte == b'\n')
            .count();
        format!("line {line}: {}", error.message())
    })?;
    // First of all: another format may have any other keys.
    match table.get("format") {
        Some(toml::Value::Integer(format)) if *format == i64::from(FORMAT) => {}
        Some(other) => return Err(format!("format: {other}; expected {FORMAT}")),
        None => return Err(format!("format: missing; expected {FORMAT}")),
    }
    let manifest = keyed(toml::Value::Table(table))?;
    manifest_values(&manifest)?;
    Ok(manifest)
}

pub(super) fn golden(text: &str, manifest: &Manifest) -> Result<Golden, String> {
    let mut json = serde_json::Deserializer::from_str(text);
    let golden = keyed(&mut json)?;
    // Reading a value stops at its end, whatever follows.
    json.end().map_err(|error| error.to_string())?;
    golden_values(&golden, manifest)?;
    Ok(golden)
}

fn keyed<'de, T: DeserializeOwned, D>(deserializer: D) -> Result<T, String>
where
    D: serde::Deserializer<'de, Error: std::fmt::Display>,
{
    serde_path_to_error::deserialize(deserializer).map_err(|error| {
        let path = error.path().to_string();
        let reason = error.into_inner().to_string();
        // TOML repeats the key on a second line.
        let reason = reason.lines().next().unwrap_or_default();
        if path == "." {
            reason.to_owned()
        } else {
            format!("{path}: {reason}")
        }
    })
}

pub(super) fn manifest_values(manifest: &Manifest) -> Result<(), String> {
    if manifest.format != FORMAT {
        return Err(format!("format: {}; expected {FORMAT}", manifest.format));
    }
    identifier("name", &manifest.name)?;
    identifier("version", &manifest.version)?;
    for (key, text) in [
        ("description", &manifest.description),
        ("licence", &manifest.licence),
    ] {
        if text.trim().is_empty() {
            return Err(format!("{key}: {text:?}; expected some text"));
        }
    }
    labels(&manifest.labels)?;
    let (steps, width) = match manifest.input {
        InputSpec::Windowed { steps, width } => {
            if manifest.windows.is_none() {
                return Err("windows: missing; expected in a windowed package".to_owned());
            }
            (steps, width)
        }
        InputSpec::Recurrent {
            steps,
            width,
            state,
        } => {
            if manifest.windows.is_some() {
                return Err("windows: present; expected none in a recurrent package".to_owned());
            }
            between("input.state", state, 1..=MAX_VALUES)?;
            (steps, width)
        }
    };
    between("input.steps", steps, 1..=MAX_VALUES)?;
    between("input.width", width, 1..=MAX_VALUES / steps)?;
    let temperature = manifest.decision.temperature;
    if !(temperature > 0.0 && temperature.is_finite()) {
        return Err(format!(
            "decision.temperature: {temperature}; expected a number above 0"
        ));
    }
    let threshold = manifest.decision.uncertain_below;
    if !(0.0..=1.0).contains(&threshold) {
        return Err(format!(
            "decision.uncertain_below: {threshold}; expected 0 to 1"
        ));
    }
    Ok(())
}

fn identifier(key: &str, text: &str) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let valid = text.len() <= 64
        && text.bytes().next().is_some_and(plain)
        && text
            .bytes()
            .all(|byte| plain(byte) || b"._-".contains(&byte));
    if valid {
        return Ok(());
    }
    Err(format!(
        "{key}: {text:?}; expected [a-z0-9][a-z0-9._-]*, at most 64 characters"
    ))
}

fn labels(labels: &[String]) -> Result<(), String> {
    between("number of labels", labels.len(), LABELS)?;
    let mut seen = HashSet::new();
    for (at, label) in labels.iter().enumerate() {
        if label.is_empty() || label.trim() != label {
            return Err(format!(
                "labels[{at}]: {label:?}; expected text without blanks around it"
            ));
        }
        if !seen.insert(label) {
            return Err(format!("labels[{at}]: {label:?}; expected each label once"));
        }
    }
    Ok(())
}

pub(super) fn golden_values(golden: &Golden, manifest: &Manifest) -> Result<(), String> {
    let shape = manifest.row_shape();
    between("number of rows", golden.rows.len(), 1..=MAX_GOLDEN)?;
    between("number of audio clips", golden.audio.len(), 0..=MAX_GOLDEN)?;
    for (at, row) in golden.rows.iter().enumerate() {
        golden_row(row, shape).map_err(|reason| format!("rows[{at}].{reason}"))?;
    }
    for (at, audio) in golden.audio.iter().enumerate() {
        golden_audio(audio, shape).map_err(|reason| format!("audio[{at}].{reason}"))?;
    }
    Ok(())
}

fn golden_audio(audio: &GoldenAudio, shape: RowShape) -> Result<(), String> {
    if !SAMPLE_RATES.contains(&audio.sample_rate) {
        return Err(format!(
            "sample_rate: {}; expected {} to {}",
            audio.sample_rate,
            SAMPLE_RATES.start(),
            SAMPLE_RATES.end()
        ));
    }
    let samples = audio.samples().map_err(|error| error.to_string())?;
    if samples.is_empty() {
        return Err("samples: none; expected at least one".to_owned());
    }
    between("number of rows", audio.rows.len(), 1..=MAX_GOLDEN)?;
    for (at, row) in audio.rows.iter().enumerate() {
        golden_row(row, shape).map_err(|reason| format!("rows[{at}].{reason}"))?;
    }
    Ok(())
}

fn golden_row(row: &GoldenRow, shape: RowShape) -> Result<(), String> {
    let parts = [
        ("features", &row.features, shape.features()),
        ("state", &row.state, shape.state),
        ("posteriors", &row.posteriors, shape.classes),
        ("next_state", &row.next_state, shape.state),
    ];
    for (key, values, expected) in parts {
        if values.len() != expected {
            return Err(format!(
                "{key}: {} values; expected {expected}",
                values.len()
            ));
        }
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            return Err(format!(
                "{key}[{at}]: {}; expected a finite number",
                values[at]
            ));
        }
    }
    if let Some(at) = row.posteriors.iter().position(|p| !(0.0..=1.0).contains(p)) {
        return Err(format!(
            "posteriors[{at}]: {}; expected 0 to 1",
            row.posteriors[at]
        ));
    }
    let sum: f32 = row.posteriors.iter().sum();
    if (sum - 1.0).abs() > SUM_TOLERANCE {
        return Err(format!("posteriors: their sum is {sum}; expected 1"));
    }
    between("valid_steps", row.valid_steps, 1..=shape.steps)
}

fn between(key: &str, value: usize, range: RangeInclusive<usize>) -> Result<(), String> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(format!(
        "{key}: {value}; expected {} to {}",
        range.start(),
        range.end()
    ))
}
