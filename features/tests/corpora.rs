//! Parity with librosa 0.11 on 50 real clips: at 22,050 Hz, and from their own
//! rates against `librosa.load`.
//!
//! ```text
//! SER_CORPORA=DIR SER_PYTHON=python3 cargo test -p ser-features --test corpora -- --ignored
//! ```
//!
//! `SER_CORPORA` is a folder that holds WAV or FLAC files at any depth;
//! `SER_PYTHON` a Python with librosa 0.11 and soundfile, which writes what it
//! makes of them into a temporary folder.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::path::Path;
use std::process::Command;

use common::{Kept, rate, seed, stream, variable};
use ser_features::{FrontEndPlan, WindowRequest};

const CLIPS: usize = 50;
const MODEL_HZ: u32 = 22_050;

#[test]
#[ignore = "needs SER_CORPORA"]
fn real_speech_agrees_in_every_window() {
    let corpora = variable("SER_CORPORA", "the folder of the corpora");
    let python = variable("SER_PYTHON", "a Python with librosa 0.11");
    let folder = tempfile::tempdir().unwrap();
    let status = Command::new(python)
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/reference/mfcc.py"
        ))
        .arg("corpus")
        .arg(CLIPS.to_string())
        .args([folder.path().as_os_str(), &corpora])
        .status()
        .unwrap();
    assert!(status.success());

    let rates = std::fs::read_to_string(folder.path().join("rates.json")).unwrap();
    let rates: Vec<u32> = serde_json::from_str(&rates).unwrap();
    assert_eq!(rates.len(), CLIPS);
    let (mut equal, mut resampled) = (Worst::default(), Worst::default());
    for (clip, hz) in rates.into_iter().enumerate() {
        let read = |what: &str| floats(&folder.path().join(format!("{clip}.{what}.f32")));
        let rows = read("rows");
        equal.compare(&segments(MODEL_HZ, &read("resampled")), &rows);
        resampled.compare(&segments(hz, &read("native")), &rows);
    }
    println!("at {MODEL_HZ} Hz: {equal:?}");
    println!("from the clips' rates: {resampled:?}");
    assert!(equal.off <= 0.01, "at {MODEL_HZ} Hz: {equal:?}");
    assert!(resampled.off <= 0.5, "from the clips' rates: {resampled:?}");
}

fn segments(hz: u32, samples: &[f32]) -> Vec<Kept> {
    let (front_end, windows) = seed();
    let request = WindowRequest::default();
    let plan = FrontEndPlan::windowed(&front_end, &windows, request, rate(hz)).unwrap();
    stream(&plan, [samples])
}

/// The largest difference among so many windows.
#[derive(Debug, Default)]
struct Worst {
    windows: usize,
    off: f32,
}

impl Worst {
    fn compare(&mut self, segments: &[Kept], rows: &[f32]) {
        let width = segments[0].features.len();
        assert_eq!(segments.len() * width, rows.len());
        for (segment, row) in segments.iter().zip(rows.chunks_exact(width)) {
            self.windows += 1;
            for (ours, librosa) in segment.features.iter().zip(row) {
                self.off = self.off.max((ours - librosa).abs());
            }
        }
    }
}

fn floats(path: &Path) -> Vec<f32> {
    let bytes = std::fs::read(path).unwrap();
    let (values, rest) = bytes.as_chunks::<4>();
    assert!(rest.is_empty());
    values
        .iter()
        .map(|&value| f32::from_le_bytes(value))
        .collect()
}
