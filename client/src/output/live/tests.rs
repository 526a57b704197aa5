//! Pictures of every size.

use std::time::{Duration, Instant};

use ratatui::{Terminal, backend::TestBackend, buffer::Buffer, style::Color};
use ser_client::proto::{
    AudioFormat, ChannelPolicy, EmotionResult, Encoding, GoAway, Model, Pace, RecognitionOptions,
    Score, StreamStarted, StreamingConfig, Verdict,
};

use super::{Theme, state::State, view};
use crate::commands::Mute;

const LABELS: [&str; 7] = [
    "angry",
    "disgust",
    "fear",
    "happy",
    "neutral",
    "pleasant_surprise",
    "sad",
];

fn duration(seconds: f64) -> Option<prost_types::Duration> {
    Duration::from_secs_f64(seconds).try_into().ok()
}

fn started(channels: u32, labels: &[&str]) -> StreamStarted {
    let policy = if channels > 1 {
        ChannelPolicy::Separate
    } else {
        ChannelPolicy::Mix
    };
    let options = RecognitionOptions {
        channels: policy.into(),
        window: duration(3.0),
        hop: duration(0.5),
        ..RecognitionOptions::default()
    };
    let audio = AudioFormat {
        encoding: Encoding::S16le.into(),
        sample_rate: 8_000,
        channels,
    };
    let model = Model {
        name: "tess-lstm".to_owned(),
        version: "1".to_owned(),
        labels: labels.iter().map(|&label| label.to_owned()).collect(),
        ..Model::default()
    };
    StreamStarted {
        effective: Some(StreamingConfig {
            audio: Some(audio),
            options: Some(options),
            pace: Pace::Live.into(),
            ..StreamingConfig::default()
        }),
        model: Some(model),
        ..StreamStarted::default()
    }
}

/// Result number `at` of `channel`, one each half second.
fn result(
    at: u32,
    channel: Option<u32>,
    verdict: Verdict,
    top: &str,
    probability: f32,
) -> EmotionResult {
    let start = f64::from(at) * 0.5;
    let score = |label: &str, probability| Score {
        label: label.to_owned(),
        probability,
    };
    let heard = verdict != Verdict::NoSpeech;
    let scores = vec![score(top, probability), score("sad", 1.0 - probability)];
    EmotionResult {
        sequence: at.into(),
        new_start: duration(start),
        end: duration(start + 0.5),
        end_sample: (u64::from(at) + 1) * 4_000,
        channel,
        verdict: verdict.into(),
        label: heard.then(|| top.to_owned()),
        scores: if heard { scores } else { Vec::new() },
        ..EmotionResult::default()
    }
}

fn streaming(channels: u32, labels: &[&str]) -> State {
    let now = Instant::now();
    let mut state = State::new("http://here:1", None);
    state.started(&started(channels, labels));
    let loud = [0, 64].repeat(4_000 * channels as usize);
    for at in 0..6 {
        state.sent(&loud, now);
        for channel in 0..channels {
            let channel = (channels > 1).then_some(channel);
            let result = match at {
                0 => result(at, channel, Verdict::NoSpeech, "", 0.0),
                1 | 2 => result(at, channel, Verdict::Uncertain, "happy", 0.55),
                _ => result(at, channel, Verdict::Emotion, "fear", 0.9),
            };
            state.result(&result, now);
        }
    }
    state
}

fn drawn(state: &State, width: u16, height: u16, colour: bool) -> Buffer {
    drawn_at(state, width, height, colour, Instant::now())
}

fn drawn_at(state: &State, width: u16, height: u16, colour: bool, now: Instant) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let draw = |frame: &mut ratatui::Frame<'_>| view::draw(state, Theme { colour }, now, frame);
    terminal.draw(draw).unwrap();
    terminal.backend().buffer().clone()
}

fn rows(buffer: &Buffer) -> Vec<String> {
    let cells: Vec<_> = buffer.content.iter().map(|cell| cell.symbol()).collect();
    cells
        .chunks(buffer.area.width.into())
        .map(|row| row.concat().trim_end().to_owned())
        .collect()
}

fn row_with<'a>(rows: &'a [String], text: &str) -> (u16, &'a str) {
    let row = rows.iter().position(|row| row.contains(text));
    let row = row.unwrap_or_else(|| panic!("{text:?} is missing: {rows:#?}"));
    (u16::try_from(row).unwrap(), &rows[row])
}

/// The column where `text` begins in `row`.
fn column_of(row: &str, text: &str) -> u16 {
    let before = row.split(text).next().unwrap();
    u16::try_from(before.chars().count()).unwrap()
}

#[test]
fn one_lane_at_80_columns() {
    let buffer = drawn(&streaming(1, &LABELS), 80, 24, true);
    let rows = rows(&buffer);
    assert!(rows[0].starts_with("● streaming  tess-lstm/1"), "{rows:#?}");
    assert!(rows[0].ends_with("lag 0 ms  sent 0:03.00"), "{rows:#?}");
    row_with(&rows, "window 3.00 s · hop 0.50 s · 8000 Hz s16le · live");
    // Half of full scale, at every sample.
    row_with(&rows, "-6.0 dBFS  peak  -6.0");
    row_with(&rows, "voice ● speech");
    row_with(&rows, "90 % since 0:01.50");

    let (y, fear) = row_with(&rows, "F fear ");
    assert!(fear.contains(" 90 %  "), "{fear}");
    let history = fear.split("90 %").nth(1).unwrap();
    assert_eq!(
        history.trim(),
        "▇▇▇",
        "nothing, twice another, then 90 %: {fear}"
    );
    assert_eq!(
        buffer[(0, y)].fg,
        Color::Indexed(227),
        "the third label's colour"
    );
    let (_, happy) = row_with(&rows, "H happy ");
    assert!(happy.ends_with("▄▄"), "{happy}");

    let (y, verdicts) = row_with(&rows, "verdict");
    assert!(verdicts.ends_with("·hhFFF"), "{verdicts}");
    let x = column_of(verdicts, "·hhFFF");
    assert_eq!(
        buffer[(x + 1, y)].fg,
        Color::Indexed(74),
        "uncertain: a coloured letter"
    );
    assert_eq!(
        buffer[(x + 3, y)].bg,
        Color::Indexed(227),
        "certain: a filled cell"
    );
    let (_, ticks) = row_with(&rows, "│0:00");
    assert_eq!(
        column_of(ticks, "│0:00"),
        x,
        "the axis begins where the results do"
    );
    assert!(rows[23].starts_with("q stop"), "{rows:#?}");
}

#[test]
fn without_colour_nothing_is_lost() {
    let state = streaming(2, &LABELS);
    let (with, without) = (drawn(&state, 100, 40, true), drawn(&state, 100, 40, false));
    assert_eq!(rows(&with), rows(&without));
    for cell in &without.content {
        assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset));
    }
}

#[test]
fn a_large_terminal_also_shows_the_last_results() {
    let rows = rows(&drawn(&streaming(1, &LABELS), 200, 60, true));
    row_with(
        &rows,
        " 0:02.50  0:03.00  ██████████▊   90 % fear                sad 10",
    );
    row_with(&rows, "░░░░░░░       55 % happy?");
    row_with(&rows, "············ no speech");
}

#[test]
fn lanes_get_less_detail_until_all_fit() {
    let two = rows(&drawn(&streaming(2, &LABELS), 80, 24, true));
    for channel in ["ch 0  fear 90 %", "ch 1  fear 90 %"] {
        row_with(&two, channel);
    }
    assert_eq!(
        two.iter()
            .filter(|row| row.starts_with("P pleasant"))
            .count(),
        2
    );

    let eight = rows(&drawn(&streaming(8, &LABELS), 80, 24, true));
    row_with(&eight, "ch 7  fear 90 %");
    assert_eq!(
        eight.iter().filter(|row| row.ends_with("·hhFFF")).count(),
        8
    );

    let eight = rows(&drawn(&streaming(8, &LABELS), 80, 8, true));
    row_with(&eight, "ch 4  fear 90 %");
    row_with(&eight, "+ 3 channels");
}

#[test]
fn the_likeliest_of_many_labels_are_shown() {
    let labels: Vec<String> = (0..40).map(|n| format!("label {n}")).collect();
    let mut labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    labels[30] = "fear";
    let rows = rows(&drawn(&streaming(1, &labels), 80, 24, true));
    row_with(&rows, "fear 90 %");
    row_with(&rows, " fear   ");
}

#[test]
fn wide_labels_keep_their_columns() {
    let wide = "怒り悲しみ喜び";
    let mut state = streaming(1, &["fear", wide]);
    let now = Instant::now();
    state.result(&result(6, None, Verdict::Emotion, wide, 0.93), now);
    for (width, height) in [(80, 24), (200, 60)] {
        let rows = rows(&drawn(&state, width, height, true));
        let (_, fear) = row_with(&rows, "F fear ");
        let (_, wide) = row_with(&rows, "A 怒 り 悲 し み 喜 び");
        for (row, probability) in [(fear, "  0 %"), (wide, " 93 %")] {
            assert!(row.contains(probability), "{row}");
        }
        assert_eq!(column_of(fear, " %"), column_of(wide, " %"), "{rows:#?}");
    }
}

#[test]
fn any_size_is_drawn() {
    for state in [
        State::new("http://here:1", None),
        streaming(1, &LABELS),
        streaming(3, &LABELS),
        streaming(8, &[]),
        streaming(1, &["怒り", "an emotion that has quite a long name", ""]),
    ] {
        for width in (1..60).chain([80, 200]) {
            for height in (1..30).chain([60]) {
                drawn(&state, width, height, true);
            }
        }
    }
    let small = rows(&drawn(&streaming(1, &LABELS), 30, 5, true));
    assert_eq!(small[0], "30×5: needs 40×8; q stops");
}

#[test]
fn a_microphone_can_be_turned_off() {
    let mute = Mute::default();
    let mut state = State::new("http://here:1", Some(mute.clone()));
    state.started(&started(1, &LABELS));
    let shown = |status: &str, key: &str| {
        let rows = rows(&drawn(&state, 80, 24, true));
        assert!(rows[0].starts_with(status), "{rows:#?}");
        assert!(rows[23].ends_with(key), "{rows:#?}");
    };
    shown("● streaming", "summary   m mute");
    mute.toggle();
    shown("○ muted, nothing is sent", "summary   m unmute");
    mute.toggle();
    shown("● streaming", "summary   m mute");
}

#[test]
fn how_the_stream_stands() {
    let now = Instant::now();
    let status = |state: &State, at| rows(&drawn_at(state, 80, 24, true, at))[0].clone();
    let mut state = State::new("http://here:1\u{1b}", None);
    assert_eq!(status(&state, now), "○ connecting to http://here:1\u{fffd}");
    state.started(&started(1, &LABELS));
    assert!(status(&state, now).starts_with("● streaming"));

    // Four and a half seconds of audio, and not a word.
    state.sent(&[0; 72_000], now);
    assert!(status(&state, now).starts_with("● streaming"));
    let later = now + Duration::from_secs(7);
    assert!(status(&state, later).starts_with("▲ no answer for 7 s"));
    state.result(&result(8, None, Verdict::Emotion, "sad", 0.9), later);
    assert!(status(&state, later).starts_with("● streaming"));

    state.go_away(&GoAway {
        time_left: duration(10.0),
        reason: "upgrade".to_owned(),
        ..GoAway::default()
    });
    assert!(status(&state, now).starts_with("▲ server stopping"));
    let all = rows(&drawn(&state, 80, 24, true));
    row_with(&all, "▲ warning: the server stops within 10 s (upgrade)");

    let mut state = streaming(1, &LABELS);
    state.half_closed(now);
    state.stopping = true;
    assert!(status(&state, now).starts_with("◌ half-closed"));
    let all = rows(&drawn(&state, 80, 24, true));
    row_with(&all, "q again: leave without the summary");
}

#[test]
fn a_server_cannot_fill_the_memory_or_steer_the_terminal() {
    let mut state = streaming(1, &LABELS);
    for number in 1..=10_000 {
        state.cautions.push(&format!("number {number}"));
    }
    assert!(state.cautions.iter().count() < 100);
    // A channel that nobody asked for, and a label that the model doesn't have.
    state.result(
        &result(6, Some(9), Verdict::Emotion, "sad", 0.9),
        Instant::now(),
    );
    state.result(
        &result(6, None, Verdict::Emotion, "sad\u{1b}[2J", 0.9),
        Instant::now(),
    );
    let rows = rows(&drawn(&state, 80, 24, true));
    let (_, verdicts) = row_with(&rows, "verdict");
    assert!(verdicts.ends_with("·hhFFF?"), "{verdicts}");
    row_with(&rows, "sad\u{fffd}[2J");
    row_with(&rows, "▲ warning (10000): number 10000");
}
