//! What a terminal shows meanwhile.

use std::{fs, sync::Arc};

use tokio::sync::Semaphore;
use vt100::Color;

use super::{answer, recordings, text};
use crate::support::{
    fake::FakeServer,
    terminal::{Terminal, rows},
};

/// A server that answers one stream, and others when it is let.
fn gated() -> (FakeServer, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(1));
    let server = FakeServer::start({
        let gate = Arc::clone(&gate);
        move |mut call| {
            let gate = Arc::clone(&gate);
            async move {
                call.accept().await;
                call.rest().await;
                gate.acquire().await.unwrap().forget();
                answer(&call).await;
            }
        }
    });
    (server, gate)
}

#[tokio::test]
async fn what_cannot_be_read_is_done_too() {
    let (server, gate) = gated();
    let folder = recordings(2);
    fs::write(folder.path().join("0a.wav"), "remember the milk").unwrap();
    let arguments = ["classify", text(folder.path()), "--jobs", "1"];
    let mut terminal = Terminal::start(80, 24, &server.address, &arguments);
    terminal.shows(&["2 of 3 clips"]).await;
    gate.add_permits(1);
    assert_eq!(terminal.end().await.code, 1);
}

#[tokio::test]
async fn a_terminal_shows_how_far_it_is_and_then_a_table() {
    let (server, gate) = gated();
    let folder = recordings(2);
    let arguments = ["classify", text(folder.path()), "--jobs", "1"];
    let mut terminal = Terminal::start(80, 24, &server.address, &arguments);
    let screen = terminal
        .shows(&["1 of 2 clips", "clips/s, ", " left"])
        .await;
    assert!(!rows(&screen).iter().any(|row| row.contains("Emotion")));
    gate.add_permits(1);
    let left = terminal.end().await;
    assert_eq!(left.code, 0);
    let rows = rows(&left.screen);
    assert!(
        !rows.iter().any(|row| row.contains(" of 2 clips")),
        "{rows:#?}"
    );
    assert!(
        rows[1].contains("┆ Emotion ┆ Confidence ┆ Duration ┆"),
        "{rows:#?}"
    );
    assert_eq!(
        rows.iter()
            .filter(|row| row.contains("┆ happy   ┆     70.0 % ┆"))
            .count(),
        2
    );
    let row = rows.iter().position(|row| row.contains("┆ happy")).unwrap();
    let column = rows[row].split("happy").next().unwrap().chars().count();
    let (row, column) = (u16::try_from(row).unwrap(), u16::try_from(column).unwrap());
    let cell = left.screen.cell(row, column).unwrap();
    assert_eq!(
        (cell.fgcolor(), cell.bold()),
        (Color::Idx(74), true),
        "the fourth label"
    );
    assert!(
        rows.iter()
            .any(|row| row.starts_with("2 clips, 0.0 s of audio in ")),
        "{rows:#?}"
    );
}
