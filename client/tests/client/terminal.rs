//! The live view, in pseudo-terminals.

use rustix::process::Signal;
use ser_client::proto::{
    EmotionResult, GoAway, StreamSummary, streaming_recognize_response::Response,
};
use tonic::Status;
use vt100::{Color, Screen};

use crate::support::{
    fake::{Call, FakeServer},
    messages,
    program::Recording,
    terminal::{Terminal, rows},
};

const VERMILLION: Color = Color::Idx(166);
const ORANGE: Color = Color::Idx(214);
const BLUE: Color = Color::Idx(32);

/// What shows that everything was said: the last result now, and all of them, a cell
/// each half second.
const ANGRY: &str = "A angry             ███████████▊";
const VERDICTS: &str = "PPss··??AA";
/// The last row.
const KEYS: &str = "q stop and show the summary";
const CTRL_Z: &str = "\u{1a}";

async fn say_everything(call: &mut Call) {
    call.accept().await;
    for result in [
        messages::emotion(0, "pleasant surprise", 0.76),
        messages::uncertain(1, "sad", 0.4),
        messages::no_speech(2),
        messages::emotion(3, "happy\u{1b}[2J", 1.0),
        messages::emotion(4, "angry", 0.9),
    ] {
        call.send(messages::result(result)).await;
    }
}

/// Says everything, and the summary after the half-close.
fn server() -> FakeServer {
    FakeServer::start(|mut call| async move {
        say_everything(&mut call).await;
        call.rest().await;
        call.send(Response::Summary(messages::summary())).await;
    })
}

fn row_with(screen: &Screen, text: &str) -> (u16, String) {
    let rows = rows(screen);
    let row = rows.iter().position(|row| row.contains(text));
    let row = row.unwrap_or_else(|| panic!("{text:?} is missing: {rows:#?}"));
    (u16::try_from(row).unwrap(), rows[row].clone())
}

/// Checks what stays on the normal screen after [`say_everything`].
fn assert_report(screen: &Screen) {
    let (row, _) = row_with(screen, "tess-lstm/1  Seven acted emotions");
    row_with(screen, "licence CC-BY-NC-ND-4.0 · backend burn on cpu");
    // Five results of a second each, in 74 cells.
    let cells = [("P", 15), ("s", 15), ("·", 14), ("?", 15), ("A", 15)];
    let cells: String = cells.map(|(cell, count)| cell.repeat(count)).concat();
    let (y, _) = row_with(screen, &cells);
    assert!(y > row);
    row_with(screen, "│0:00");
}

#[tokio::test]
async fn at_80_by_24() {
    let server = server();
    let recording = Recording::seconds(600);
    let mut terminal = Terminal::start(80, 24, &server.address, &["stream", recording.path()]);
    let screen = terminal
        .shows(&["● streaming  tess-lstm/1", ANGRY, VERDICTS, KEYS])
        .await;
    assert!(screen.alternate_screen() && screen.hide_cursor());
    for row in 0..24 {
        assert!(!screen.row_wrapped(row), "too wide: {:#?}", rows(&screen));
    }
    row_with(&screen, "voice ● speech");
    row_with(&screen, "90 % since 0:04.00");
    let (y, verdicts) = row_with(&screen, "verdict");
    let x = u16::try_from(verdicts.split(VERDICTS).next().unwrap().chars().count()).unwrap();
    let cell = |at: u16| screen.cell(y, x + at).unwrap();
    assert_eq!(cell(0).bgcolor(), ORANGE);
    assert_eq!(
        (cell(2).fgcolor(), cell(2).bgcolor()),
        (BLUE, Color::Default)
    );
    assert_eq!(cell(8).bgcolor(), VERMILLION);

    // The constant level of the recording: 1,000 of 32,768.
    terminal.shows(&["-30.3 dBFS"]).await;
    terminal.press("q");
    let left = terminal.end().await;
    assert_eq!(left.code, 0);
    assert_report(&left.screen);
    row_with(&left.screen, "Summary: overall happy");
    row_with(&left.screen, "3.00 s of audio, 0.50 s of it uncertain");
    let (_, happy) = row_with(
        &left.screen,
        &format!("H {:18} {:>8} s  █", "happy", "2.00"),
    );
    assert_eq!(happy.matches('█').count(), 32, "the longest bar: {happy}");
    let (_, sad) = row_with(&left.screen, &format!("S {:18} {:>8} s  █", "sad", "0.50"));
    assert_eq!(sad.matches('█').count(), 8, "a quarter of it: {sad}");
}

#[tokio::test]
async fn at_200_by_60_with_the_last_results() {
    let server = server();
    let recording = Recording::seconds(600);
    let mut terminal = Terminal::start(200, 60, &server.address, &["stream", recording.path()]);
    terminal
        .shows(&[
            " 0:04.00  0:05.00  ██████████▊   90 % angry",
            " 0:01.00  0:02.00  ░░░░░         40 % sad?",
            // A label can't clear the screen.
            "100 % happy[2J",
        ])
        .await;
    terminal.press("\u{1b}");
    assert_eq!(terminal.end().await.code, 0);
}

#[tokio::test]
async fn any_size_that_it_is_given() {
    let server = server();
    let recording = Recording::seconds(600);
    let mut terminal = Terminal::start(80, 24, &server.address, &["stream", recording.path()]);
    terminal.shows(&[ANGRY]).await;
    terminal.resize(30, 6);
    terminal.shows(&["30×6: needs 40×8"]).await;
    terminal.resize(1, 1);
    terminal.resize(120, 50);
    let screen = terminal.shows(&["● streaming", "90 % angry", KEYS]).await;
    assert_eq!(row_with(&screen, KEYS).0, 49);
    terminal.press("q");
    assert_eq!(terminal.end().await.code, 0);
}

#[tokio::test]
async fn without_colour() {
    let server = server();
    let recording = Recording::seconds(600);
    let arguments = ["stream", recording.path()];
    let no_colour = [("NO_COLOR", "1")];
    let mut terminal = Terminal::start_with(80, 24, &server.address, &arguments, &no_colour);
    let live = terminal.shows(&[ANGRY, VERDICTS]).await;
    terminal.press("q");
    let left = terminal.end().await;
    for screen in [&live, &left.screen] {
        for row in 0..24 {
            for column in 0..80 {
                let cell = screen.cell(row, column).unwrap();
                assert_eq!(
                    (cell.fgcolor(), cell.bgcolor()),
                    (Color::Default, Color::Default)
                );
            }
        }
    }
    assert_report(&left.screen);
}

#[tokio::test]
async fn two_channels_are_two_lanes() {
    fn on(channel: u32, sequence: u64, result: EmotionResult) -> Response {
        messages::result(EmotionResult {
            channel: Some(channel),
            sequence,
            ..result
        })
    }
    let server = FakeServer::start(|mut call| async move {
        call.accept().await;
        call.send(on(0, 0, messages::emotion(0, "sad", 0.8))).await;
        call.send(on(1, 1, messages::emotion(0, "happy", 0.9)))
            .await;
        call.send(on(1, 2, messages::no_speech(1))).await;
        call.rest().await;
        for channel in 0..2 {
            let summary = StreamSummary {
                channel: Some(channel),
                ..messages::summary()
            };
            call.send(Response::Summary(summary)).await;
        }
    });
    // Standard input is the audio, keys come from the terminal.
    let script = "yes | \"$CLIENT\" stream - --rate 8000 --encoding s16le --channels 2 \
                  --channel-policy separate";
    let mut terminal = Terminal::shell(80, 24, &server.address, script);
    terminal
        .shows(&["ch 0  sad 80 %", "ch 1  no speech", "○ no speech", KEYS])
        .await;
    terminal.press("q");
    let left = terminal.end().await;
    assert_eq!(left.code, 0);
    row_with(&left.screen, "ch 0  SSSS");
    row_with(&left.screen, "ch 1  HHHH");
    row_with(&left.screen, "Summary of channel 1: overall happy");
}

#[tokio::test]
async fn connecting_can_be_left() {
    let server = FakeServer::start(|mut call| async move {
        call.config().await;
        std::future::pending::<()>().await;
    });
    let recording = Recording::seconds(1);
    let mut terminal = Terminal::start(80, 24, &server.address, &["stream", recording.path()]);
    let connecting = format!("○ connecting to {}", server.address);
    terminal.shows(&[&connecting, KEYS]).await;
    terminal.press("q");
    assert_eq!(terminal.end().await.code, 130);
}

#[tokio::test]
async fn a_server_that_stops() {
    let server = FakeServer::start(|mut call| async move {
        say_everything(&mut call).await;
        let go_away = GoAway {
            time_left: messages::milliseconds(10_000),
            reason: "upgrade".to_owned(),
            ..GoAway::default()
        };
        call.send(Response::GoAway(go_away)).await;
        call.rest().await;
        // Until the key is pressed.
        std::future::pending::<()>().await;
    });
    let recording = Recording::seconds(600);
    let arguments = ["stream", recording.path(), "--no-resume"];
    let mut terminal = Terminal::start(80, 24, &server.address, &arguments);
    terminal
        .shows(&[
            "▲ server stopping",
            "▲ warning: the server stops within 10 s (upgrade)",
        ])
        .await;
    terminal.press("q");
    terminal
        .shows(&["q again: leave without the summary"])
        .await;
    terminal.press("q");
    let left = terminal.end().await;
    assert_eq!(left.code, 130);
    assert_report(&left.screen);
    row_with(
        &left.screen,
        "warning: the server stops within 10 s (upgrade)",
    );
}

#[tokio::test]
async fn a_stream_that_fails() {
    let (fail, failing) = tokio::sync::watch::channel(false);
    let server = FakeServer::start(move |mut call| {
        let mut failing = failing.clone();
        async move {
            say_everything(&mut call).await;
            failing.wait_for(|failing| *failing).await.unwrap();
            call.fail(Status::unavailable("model tess-lstm/1: not serving"))
                .await;
        }
    });
    let recording = Recording::seconds(600);
    let arguments = ["stream", recording.path(), "--no-resume"];
    let mut terminal = Terminal::start(80, 24, &server.address, &arguments);
    terminal.shows(&[VERDICTS]).await;
    fail.send_replace(true);
    let left = terminal.end().await;
    assert_eq!(left.code, 3);
    assert_report(&left.screen);
    row_with(&left.screen, "model tess-lstm/1: not serving");
    row_with(&left.screen, "hint: the results so far are complete");
}

#[tokio::test]
async fn signals_are_obeyed() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::HUP, 129), (Signal::INT, 0)] {
        let server = server();
        let recording = Recording::seconds(600);
        let mut terminal = Terminal::start(80, 24, &server.address, &["stream", recording.path()]);
        terminal.shows(&[VERDICTS]).await;
        terminal.signal(signal);
        let left = terminal.end().await;
        assert_eq!(left.code, code);
        assert_report(&left.screen);
    }
}

#[tokio::test]
async fn stopped_like_any_job() {
    let server = server();
    let recording = Recording::seconds(600);
    let script = format!(
        "set -m; \"$CLIENT\" stream {}; echo the shell again; read -r line; fg",
        recording.path()
    );
    let mut terminal = Terminal::shell(80, 24, &server.address, &script);
    terminal.shows(&[VERDICTS]).await;
    terminal.press(CTRL_Z);
    let screen = terminal.shows(&["the shell again"]).await;
    assert!(!screen.alternate_screen() && !screen.hide_cursor());
    terminal.press("\r");
    let screen = terminal.shows(&[VERDICTS, KEYS]).await;
    assert!(screen.alternate_screen() && screen.hide_cursor());
    terminal.press("q");
    let left = terminal.end().await;
    assert_eq!(left.code, 0);
    assert_report(&left.screen);
}

#[tokio::test]
async fn a_terminal_that_can_not_draw_gets_lines() {
    let server = server();
    let recording = Recording::seconds(1);
    let arguments = ["stream", recording.path(), "--fast"];
    let dumb = [("TERM", "dumb")];
    let terminal = Terminal::start_with(120, 40, &server.address, &arguments, &dumb);
    let left = terminal.end().await;
    assert_eq!(left.code, 0);
    row_with(&left.screen, "   4.000s    5.000s  emotion    angry 0.900");
    row_with(&left.screen, "summary: 3.000 s received");
}

#[tokio::test]
async fn lines_can_be_asked_for() {
    let server = server();
    let recording = Recording::seconds(1);
    let arguments = ["stream", recording.path(), "--fast", "--plain"];
    let terminal = Terminal::start(120, 40, &server.address, &arguments);
    let left = terminal.end().await;
    assert_eq!(left.code, 0);
    row_with(&left.screen, "summary: 3.000 s received");
}
