//! Audio at other rates: the MFCCs of `librosa.load` and `librosa.feature.mfcc`.
//!
//! `reference/resample.json` was written by librosa itself, with
//! `reference/resample.py`, on signals that both sides synthesise in integers.

mod common;

use common::{rate, seed};
use ser_features::clip_features;
use serde::Deserialize;

/// Most that a coefficient may be off. librosa's resampler is another one, with
/// another transition band, and both floor at 80 dB below the maximum.
const TOLERANCE: f32 = 0.5;

#[derive(Deserialize)]
struct Row {
    signal: String,
    rate: u32,
    mfcc: Vec<f32>,
}

/// White noise: a linear congruential generator's upper 14 bits.
fn noise(samples: usize) -> impl Iterator<Item = i64> {
    let mut state = 1_u32;
    (0..samples).map(move |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        i64::from(state >> 18) - 8_192
    })
}

/// A sawtooth of 150 Hz, swelling 4 times a second, over faint noise.
fn voice(rate: i64, samples: usize) -> impl Iterator<Item = i64> {
    (0..).zip(noise(samples)).map(move |(time, noise)| {
        let saw = (time * 150 % rate) * 65_536 / rate - 32_768;
        let swell = ((time * 4 % rate) * 65_536 / rate - 32_768).abs();
        ((saw * swell) >> 17) + (noise >> 9)
    })
}

fn largest_difference(ours: &[f32], librosas: &[f32]) -> f32 {
    assert_eq!(ours.len(), librosas.len());
    ours.iter()
        .zip(librosas)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max)
}

#[test]
fn other_rates_give_librosas_coefficients() {
    let rows: Vec<Row> = serde_json::from_str(include_str!("reference/resample.json")).unwrap();
    let (front_end, _) = seed();
    for row in rows {
        let samples = row.rate as usize * 6 / 5;
        let integers: Vec<i64> = match row.signal.as_str() {
            "noise" => noise(samples).collect(),
            _ => voice(row.rate.into(), samples).collect(),
        };
        let floats: Vec<f32> = integers
            .iter()
            .map(|&value| value as f32 / 32_768.0)
            .collect();
        let ours = clip_features(&front_end, rate(row.rate), &floats).unwrap();
        let off = largest_difference(&ours, &row.mfcc);
        println!("{} at {} Hz: off by {off}", row.signal, row.rate);
        assert!(
            off <= TOLERANCE,
            "{} at {} Hz: off by {off}",
            row.signal,
            row.rate
        );
    }
}

#[cfg(feature = "files")]
#[test]
#[ignore = "needs SER_CORPORA"]
fn real_speech_gives_the_coefficients_of_librosa() {
    use std::collections::BTreeMap;
    use std::path::Path;
    use std::process::Command;

    use common::variable;

    let tess = Path::new(&variable("SER_CORPORA", "the folder of the corpora")).join("tess");
    let python = variable("SER_PYTHON", "a Python with librosa 0.11");
    let folder = tempfile::tempdir().unwrap();
    let vectors = folder.path().join("tess.json");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/resample.py");
    let status = Command::new(python)
        .arg(script)
        .args([&tess, &vectors])
        .status()
        .unwrap();
    assert!(status.success(), "resample.py: {status}");

    let clips: BTreeMap<String, Vec<f32>> =
        serde_json::from_slice(&std::fs::read(vectors).unwrap()).unwrap();
    assert!(!clips.is_empty(), "no clips in {}", tess.display());
    let (front_end, _) = seed();
    let mut worst = (0.0, String::new());
    for (name, librosas) in clips {
        let clip = ser_features::AudioClip::read(&tess.join(&name)).unwrap();
        let ours = clip_features(&front_end, clip.sample_rate, &clip.mono()).unwrap();
        let off = largest_difference(&ours, &librosas);
        if off > worst.0 {
            worst = (off, name);
        }
    }
    println!("{}: off by {}, the most", worst.1, worst.0);
    assert!(worst.0 <= TOLERANCE, "{}: off by {}", worst.1, worst.0);
}
