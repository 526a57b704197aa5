//! Parity with librosa 0.11, window by window.
//!
//! `reference/reference.json` was written by librosa itself:
//! `python3 tests/reference/mfcc.py synthetic tests/reference/reference.json`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::signals::signal;
use common::{rate, stream};
use ser_features::{
    FrontEndParams, FrontEndPlan, Reduction, Trigger, WindowParams, WindowRequest, clip_features,
};
use serde::Deserialize;

/// Most that a value may be off.
const TOLERANCE: f32 = 0.01;

#[derive(Deserialize)]
struct Reference {
    windowed: Vec<Windowed>,
    recurrent: Vec<Clip>,
    clips: Vec<Clip>,
}

#[derive(Deserialize)]
struct Windowed {
    signal: String,
    length: usize,
    front_end: FrontEndParams,
    windows: WindowParams,
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    start: u64,
    end: u64,
    features: Vec<f32>,
}

#[derive(Deserialize)]
struct Clip {
    signal: String,
    length: usize,
    front_end: FrontEndParams,
    steps: Option<usize>,
    features: Vec<f32>,
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("reference/reference.json")).unwrap()
}

fn assert_close(ours: &[f32], librosa: &[f32], what: &str) {
    assert_eq!(ours.len(), librosa.len(), "{what}");
    for (i, (a, b)) in ours.iter().zip(librosa).enumerate() {
        assert!(
            (a - b).abs() <= TOLERANCE,
            "{what}: value {i}: {a}; librosa: {b}"
        );
    }
}

#[test]
fn every_window_agrees() {
    let cases = reference().windowed;
    assert!(cases.len() > 20);
    for case in cases {
        let model_rate = case.front_end.sample_rate;
        let request = WindowRequest::default();
        let plan =
            FrontEndPlan::windowed(&case.front_end, &case.windows, request, rate(model_rate))
                .unwrap();
        let segments = stream(&plan, [&*signal(&case.signal, case.length)]);
        let name = format!("{} of {} at {model_rate} Hz", case.signal, case.length);
        assert_eq!(segments.len(), case.rows.len(), "{name}");
        let mut new_start = 0;
        for (segment, row) in segments.iter().zip(&case.rows) {
            let what = format!("{name}, {} to {}", row.start, row.end);
            let seconds = |sample: u64| sample as f64 / f64::from(model_rate);
            assert!(
                (segment.start.as_secs_f64() - seconds(row.start)).abs() < 1e-9,
                "{what}"
            );
            assert!(
                (segment.end.as_secs_f64() - seconds(row.end)).abs() < 1e-9,
                "{what}"
            );
            let new_start_is = segment.new_start.as_secs_f64();
            assert!((new_start_is - seconds(new_start)).abs() < 1e-9, "{what}");
            new_start = row.end;
            assert_eq!(segment.end_sample, row.end, "{what}");
            assert_eq!(segment.features.len(), plan.row_len(), "{what}");
            let padding = segment.features.len() - row.features.len();
            if case.front_end.reduce == Reduction::None {
                assert_eq!(
                    segment.valid_steps * plan.width(),
                    row.features.len(),
                    "{what}"
                );
                assert!(
                    segment.features[..padding].iter().all(|&x| x == 0.0),
                    "{what}"
                );
            } else {
                assert_eq!((segment.valid_steps, padding), (1, 0), "{what}");
            }
            assert_close(&segment.features[padding..], &row.features, &what);
        }
    }
}

#[test]
fn the_rows_of_a_recurrent_model_are_the_frames_of_the_whole_clip() {
    let cases = reference().recurrent;
    assert!(cases.len() > 5);
    for case in cases {
        let steps = case.steps.unwrap();
        let input = rate(case.front_end.sample_rate);
        let plan = FrontEndPlan::recurrent(&case.front_end, steps, input).unwrap();
        let segments = stream(&plan, [&*signal(&case.signal, case.length)]);
        let what = format!("{} of {} by {steps}", case.signal, case.length);
        let (last, full) = segments.split_last().unwrap();
        assert!(
            full.iter().all(|segment| segment.valid_steps == steps),
            "{what}"
        );
        assert!(
            full.iter()
                .all(|segment| segment.trigger == Trigger::Interval),
            "{what}"
        );
        assert_eq!(last.trigger, Trigger::EndOfStream, "{what}");
        assert_eq!(last.end_sample, case.length as u64, "{what}");
        let joined: Vec<f32> = segments
            .iter()
            .flat_map(|segment| &segment.features[..segment.valid_steps * plan.width()])
            .copied()
            .collect();
        assert_close(&joined, &case.features, &what);
        let unused = &last.features[last.valid_steps * plan.width()..];
        assert!(unused.iter().all(|&x| x == 0.0), "{what}");
    }
}

#[test]
fn whole_clips_agree() {
    let cases = reference().clips;
    assert!(cases.len() > 5);
    for case in cases {
        let input = rate(case.front_end.sample_rate);
        let ours = clip_features(&case.front_end, input, &signal(&case.signal, case.length));
        assert_close(
            &ours.unwrap(),
            &case.features,
            &format!("{} of {}", case.signal, case.length),
        );
    }
}
