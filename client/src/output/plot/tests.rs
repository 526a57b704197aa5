use prost_types::Duration;
use roxmltree::{Document, Node};
use ser_client::{
    audio::Recording,
    proto::{Model, RecognitionOptions, Score, StreamStarted},
};
use ser_features::{AudioClip, ChannelCount, SampleRate};

use super::*;

const LABELS: [&str; 3] = ["angry", "<sad>", "happy"];

fn time(milliseconds: i32) -> Option<Duration> {
    Some(Duration {
        seconds: (milliseconds / 1000).into(),
        nanos: milliseconds % 1000 * 1_000_000,
    })
}

/// Number `n`, half a second long.
fn result(n: usize, verdict: Verdict, posteriors: [f32; 3]) -> EmotionResult {
    let end = i32::try_from(n + 1).unwrap() * 500;
    let best = (0..3).max_by(|&a, &b| posteriors[a].total_cmp(&posteriors[b]));
    let speech = verdict != Verdict::NoSpeech;
    let scores = LABELS
        .iter()
        .zip(posteriors)
        .map(|(label, probability)| Score {
            label: (*label).to_owned(),
            probability,
        });
    EmotionResult {
        new_start: time(end - 500),
        end: time(end),
        verdict: verdict.into(),
        label: best.filter(|_| speech).map(|best| LABELS[best].to_owned()),
        scores: scores.filter(|_| speech).collect(),
        ..EmotionResult::default()
    }
}

fn said(results: Vec<EmotionResult>) -> Classification {
    let received = results.last().and_then(|last| last.end);
    let model = Model {
        labels: LABELS.map(str::to_owned).into(),
        ..Model::default()
    };
    Classification {
        server: String::new(),
        started: StreamStarted {
            model: Some(model),
            ..StreamStarted::default()
        },
        results,
        warnings: Vec::new(),
        summaries: vec![StreamSummary {
            received,
            ..StreamSummary::default()
        }],
    }
}

fn texts<'a>(document: &'a Document<'_>) -> Vec<&'a str> {
    let texts = document
        .descendants()
        .filter(|node| node.has_tag_name("text"));
    texts
        .filter_map(|node| node.text())
        .map(str::trim)
        .collect()
}

/// The filled rectangles of this colour, as left, top, width and height.
fn filled(document: &Document<'_>, colour: &str) -> Vec<[f64; 4]> {
    let number = |node: &Node<'_, '_>, name| node.attribute(name).unwrap().parse().unwrap();
    let nodes = document
        .descendants()
        .filter(|node| node.has_tag_name("rect"));
    nodes
        .filter(|node| node.attribute("fill") == Some(colour))
        .map(|node| ["x", "y", "width", "height"].map(|name| number(&node, name)))
        .collect()
}

const ANGRY: &str = "#D75F00";
const SAD: &str = "#00AF87";
const GREY: &str = "#E1E1E1";

#[test]
fn a_picture_shows_every_result() {
    let results = vec![
        result(0, Verdict::Emotion, [0.75, 0.25, 0.0]),
        result(1, Verdict::Emotion, [0.75, 0.25, 0.0]),
        result(2, Verdict::Uncertain, [0.25, 0.75, 0.0]),
        result(3, Verdict::NoSpeech, [0.0; 3]),
    ];
    let clip = AudioClip {
        sample_rate: SampleRate::new(8_000).unwrap(),
        channels: ChannelCount::new(1).unwrap(),
        samples: vec![0.5; 16_000],
        bits_per_sample: 16,
        float: false,
    };
    let waveforms = Waveform::of(&Recording::from(&clip), &RecognitionOptions::default());
    let svg = svg("a&b.wav", &said(results), &waveforms).unwrap();
    let document = Document::parse(&svg).unwrap();

    let texts = texts(&document);
    for text in [
        "a&b.wav",
        "angry",
        "<sad>",
        "happy",
        "<sad>?",
        "no speech",
        "seconds",
    ] {
        assert!(texts.contains(&text), "{text:?} is missing: {texts:?}");
    }
    let polygons = document
        .descendants()
        .filter(|node| node.has_tag_name("polygon"));
    assert_eq!(polygons.count(), 1, "the waveform");

    // The legend, the stretch of two results, and both in the posteriors.
    let angry = filled(&document, ANGRY);
    let [legend, stretch, first, second, third] = angry[..] else {
        panic!("{angry:?}")
    };
    let close = |a: f64, b: f64| assert!((a - b).abs() <= 2.0, "{a} {b}");
    let panel = f64::from(WIDTH - LEFT - RIGHT);
    assert_eq!(legend[2], 12.0);
    close(stretch[2], panel / 2.0);
    close(first[2], panel / 4.0);
    close(second[0], first[0] + first[2]);
    close(first[3], 3.0 * third[3]);
    // The stretch of the uncertain one is pale, and not of this opacity.
    let sad = filled(&document, SAD);
    assert_eq!(sad.len(), 1 + 1 + 3, "{sad:?}");
    close(sad[2][1] + sad[2][3], first[1]);
    assert_eq!(
        filled(&document, GREY).len(),
        2,
        "the legend and the silence"
    );
}

#[test]
fn a_long_recording_does_not_make_a_large_picture() {
    let results = (0..10_000).map(|n| result(n, Verdict::Emotion, [0.5, 0.25, 0.25]));
    let svg = svg("day.wav", &said(results.collect()), &[]).unwrap();
    let document = Document::parse(&svg).unwrap();
    let steps = filled(&document, ANGRY).len() - 2;
    assert!((MOST_STEPS / 2..=MOST_STEPS).contains(&steps), "{steps}");
}

#[test]
fn a_recording_without_audio_has_a_picture() {
    let svg = svg("empty.wav", &said(Vec::new()), &[]).unwrap();
    Document::parse(&svg).unwrap();
}

/// A recording of one result for each of so many labels.
fn with_labels(count: usize) -> String {
    let labels: Vec<String> = (0..count).map(|n| format!("emotion {n}")).collect();
    let results = labels.iter().enumerate().map(|(n, label)| {
        let score = Score {
            label: label.clone(),
            probability: 1.0,
        };
        EmotionResult {
            label: Some(label.clone()),
            scores: vec![score],
            ..result(n, Verdict::Emotion, [0.0; 3])
        }
    });
    let mut said = said(results.collect());
    said.started.model.as_mut().unwrap().labels = labels;
    svg("many.wav", &said, &[]).unwrap()
}

#[test]
fn labels_that_share_a_colour_differ_by_their_hatch() {
    let seven = with_labels(7);
    let eight = with_labels(8);
    let hatch = |svg: &str| {
        let document = Document::parse(svg).unwrap();
        let lines = document.descendants().filter(|node| {
            let points = node.attribute("points").unwrap_or_default();
            // Upright, through the panel of verdicts or of posteriors.
            let mut ends = points.split_whitespace().map(|end| end.split_once(','));
            let (Some(Some(a)), Some(Some(b)), None) = (ends.next(), ends.next(), ends.next())
            else {
                return false;
            };
            a.0 == b.0 && node.attribute("stroke") == Some("#000000")
        });
        lines.count()
    };
    let axes = hatch(&seven);
    // Each piece is an eighth of a panel of 892 pixels, with a line every eight, twice,
    // and one more line in the legend.
    let lines = hatch(&eight) - axes;
    assert!(
        (2 * 13 + 1..=2 * 14 + 1).contains(&lines),
        "{axes} and {lines}"
    );
}

#[test]
fn a_legend_has_as_many_rows_as_it_needs() {
    let svg = with_labels(20);
    let document = Document::parse(&svg).unwrap();
    let mut rows: Vec<f64> = Vec::new();
    for label in (0..20).map(|n| format!("emotion {n}")) {
        let named = |node: &Node<'_, '_>| node.text().is_some_and(|text| text.trim() == label);
        let mut texts = document
            .descendants()
            .filter(|node| node.is_element() && named(node));
        let name = texts
            .next()
            .unwrap_or_else(|| panic!("{label:?} is missing"));
        let at = |name_of| -> f64 { name.attribute(name_of).unwrap().parse().unwrap() };
        assert!(
            at("x") + 7.0 * label.len() as f64 <= f64::from(WIDTH),
            "{label}"
        );
        rows.push(at("y"));
    }
    rows.dedup();
    assert_eq!(rows.len(), 3, "{rows:?}");
}
