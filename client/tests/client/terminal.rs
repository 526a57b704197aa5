//! The timeline, in a pseudo-terminal of 80 columns.

use std::{io::Read, num::NonZeroU16};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use ser_client::proto::streaming_recognize_response::Response;
use vt100::{Color, Parser};

use crate::support::{
    fake::FakeServer,
    messages,
    program::{Recording, patiently},
};

const ROWS: NonZeroU16 = NonZeroU16::new(40).unwrap();
const COLUMNS: NonZeroU16 = NonZeroU16::new(80).unwrap();

fn server() -> FakeServer {
    FakeServer::start(|mut call| async move {
        call.accept().await;
        call.send(messages::result(messages::emotion(
            0,
            "pleasant surprise",
            0.76,
        )))
        .await;
        call.send(messages::result(messages::uncertain(1, "sad", 0.4)))
            .await;
        call.send(messages::result(messages::no_speech(2))).await;
        call.send(messages::result(messages::emotion(
            3,
            "happy\u{1b}[2J",
            1.0,
        )))
        .await;
        call.rest().await;
        call.send(Response::Summary(messages::summary())).await;
    })
}

/// What the program writes to a terminal.
async fn written(address: &str, environment: &[(&str, &str)]) -> Vec<u8> {
    let recording = Recording::seconds(1);
    let size = PtySize {
        rows: ROWS.get(),
        cols: COLUMNS.get(),
        pixel_width: 0,
        pixel_height: 0,
    };
    let terminal = native_pty_system().openpty(size).unwrap();
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_ser-client"));
    command.args(["--server", address, "stream", recording.path(), "--fast"]);
    command.env("TERM", "xterm-256color");
    command.env_remove("NO_COLOR");
    for (name, value) in environment {
        command.env(name, value);
    }
    let mut child = terminal.slave.spawn_command(command).unwrap();
    drop(terminal.slave);
    let mut reader = terminal.master.try_clone_reader().unwrap();
    let reading = tokio::task::spawn_blocking(move || {
        let mut bytes = Vec::new();
        // Linux ends the read of a terminal whose program has gone with EIO.
        let _ = reader.read_to_end(&mut bytes);
        (bytes, child.wait().unwrap())
    });
    let (bytes, status) = patiently(reading).await.unwrap();
    assert!(
        status.success(),
        "{status:?}: {}",
        String::from_utf8_lossy(&bytes)
    );
    bytes
}

fn row_with<'a>(rows: &'a [String], text: &str) -> (u16, &'a str) {
    let row = rows.iter().position(|row| row.contains(text));
    let row = row.unwrap_or_else(|| panic!("{text:?} is missing: {rows:#?}"));
    (u16::try_from(row).unwrap(), &rows[row])
}

#[tokio::test]
async fn the_timeline_is_readable_at_80_columns() {
    let server = server();
    let mut terminal = Parser::new(ROWS, COLUMNS, 0);
    terminal.process(&written(&server.address, &[]).await);
    let screen = terminal.screen();
    let rows: Vec<String> = screen.rows(0, COLUMNS.get()).collect();
    for row in 0..ROWS.get() {
        assert!(
            !screen.row_wrapped(row),
            "too wide: {:?}",
            rows[usize::from(row)]
        );
    }

    assert!(
        rows[0].starts_with("tess-lstm/1  Seven acted emotions"),
        "{rows:#?}"
    );
    assert_eq!(rows[1], "licence CC-BY-NC-ND-4.0 · backend burn on cpu");
    assert_eq!(rows[2], "window 3.00 s · hop 0.51 s · 8000 Hz s16le · bulk");

    let (row, text) = row_with(&rows, "pleasant surprise");
    assert!(
        text.starts_with(" 0:00.00  0:01.00  █████████▏    76 % pleasant surprise"),
        "{text}"
    );
    assert!(text.contains(" angry 4"), "the other scores: {text}");
    let bar = screen.cell(row, 19).unwrap();
    assert_eq!(bar.fgcolor(), Color::Idx(214), "the sixth label's colour");
    assert!(!bar.dim());
    let before_others = text.split("angry").next().unwrap().chars().count();
    let other = screen
        .cell(row, u16::try_from(before_others).unwrap())
        .unwrap();
    assert_eq!((other.contents(), other.dim()), ("a", true));

    let (row, text) = row_with(&rows, "sad?");
    assert!(
        text.contains("░░░░░ "),
        "an uncertain bar is hatched: {text}"
    );
    assert!(screen.cell(row, 19).unwrap().dim());
    let (_, text) = row_with(&rows, "no speech");
    assert!(text.contains("············ no speech"), "{text}");
    // A label can't clear the screen.
    row_with(&rows, "[2J");

    row_with(&rows, "Summary: overall happy");
    row_with(&rows, "3.00 s of audio, 0.50 s of it uncertain");
    let (_, happy) = row_with(&rows, &format!("  {:18} {:>8} s  █", "happy", "2.00"));
    assert_eq!(happy.matches('█').count(), 32, "the longest bar: {happy}");
    let (_, sad) = row_with(&rows, &format!("  {:18} {:>8} s  █", "sad", "0.50"));
    assert_eq!(sad.matches('█').count(), 8, "a quarter of it: {sad}");
}

#[tokio::test]
async fn without_colour_nothing_but_text_is_written() {
    let server = server();
    let bytes = written(&server.address, &[("NO_COLOR", "1")]).await;
    let text = String::from_utf8(bytes).unwrap();
    assert!(!text.contains('\u{1b}'), "{text:?}");
    assert!(text.contains("sad?") && text.contains("no speech"));
}
