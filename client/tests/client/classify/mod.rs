//! Many recordings at once.

mod failures;
mod formats;
mod pictures;
mod progress;
mod stopping;

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use ser_client::proto::{Pace, streaming_recognize_response::Response};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::Semaphore;

use crate::support::{
    fake::{Call, FakeServer},
    messages,
    program::{run, wav},
};

/// A folder of recordings `0.wav`, `1.wav`, …; number N holds N + 1 frames.
fn recordings(number: usize) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for index in 0..number {
        let path = folder.path().join(format!("{index}.wav"));
        fs::write(path, wav(&vec![1000; index + 1])).unwrap();
    }
    folder
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Which of [`recordings`] a stream holds.
async fn number(call: &mut Call) -> usize {
    call.rest().await.len() / 2 - 1
}

async fn answer(call: &Call) {
    call.send(messages::result(messages::emotion(0, "happy", 0.75)))
        .await;
    call.send(messages::result(messages::no_speech(1))).await;
    call.send(Response::Summary(messages::summary())).await;
}

async fn recognise(mut call: Call) {
    call.accept().await;
    call.rest().await;
    answer(&call).await;
}

fn json(lines: &str) -> Vec<Value> {
    let lines = lines.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The fields of a line without quoted line breaks.
fn csv_fields(line: &str) -> Vec<String> {
    let (mut fields, mut quoted) = (vec![String::new()], false);
    for character in line.chars() {
        match character {
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            other => fields.last_mut().unwrap().push(other),
        }
    }
    fields
}

#[tokio::test]
async fn results_come_in_the_order_of_the_files() {
    // The first is answered when all others have been.
    let others = Arc::new(Semaphore::new(0));
    let server = FakeServer::start({
        let others = Arc::clone(&others);
        move |mut call| {
            let others = Arc::clone(&others);
            async move {
                let config = call.accept().await;
                assert_eq!(config.pace(), Pace::Bulk);
                if number(&mut call).await == 0 {
                    others.acquire_many(7).await.unwrap().forget();
                }
                answer(&call).await;
                others.add_permits(1);
            }
        }
    });
    let folder = recordings(8);
    // The last is asked for first.
    let (last, all) = (folder.path().join("7.wav"), folder.path());
    let arguments = ["classify", text(&last), text(all), "--jobs", "3"];
    others.add_permits(1);
    let ended = run(&server.address, &arguments).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let expected: Vec<_> = [7, 0, 1, 2, 3, 4, 5, 6, 7]
        .map(|index| {
            let path = folder.path().join(format!("{index}.wav"));
            format!(
                "{}     3.000s  emotion    happy 0.700, angry 0.050",
                path.display()
            )
        })
        .into();
    let lines: Vec<_> = ended
        .stdout
        .lines()
        .map(|line| &line[..expected[0].len()])
        .collect();
    assert_eq!(lines, expected);
    assert!(
        ended.stderr.contains("9 clips, 0.0 s of audio in "),
        "{ended:?}"
    );
    assert!(!ended.stderr.contains("failed"), "{ended:?}");
}

#[tokio::test]
async fn no_more_are_open_than_asked() {
    let (open, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let server = FakeServer::start({
        let (open, most) = (Arc::clone(&open), Arc::clone(&most));
        move |mut call| {
            let (open, most) = (Arc::clone(&open), Arc::clone(&most));
            async move {
                most.fetch_max(open.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                call.accept().await;
                call.rest().await;
                open.fetch_sub(1, Ordering::SeqCst);
                answer(&call).await;
            }
        }
    });
    let folder = recordings(30);
    let ended = run(
        &server.address,
        &["classify", text(folder.path()), "--jobs", "2"],
    )
    .await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stdout.lines().count(), 30);
    assert!(most.load(Ordering::SeqCst) <= 2);
}

#[tokio::test]
async fn nothing_to_classify_is_a_failure() {
    let server = FakeServer::without_streams();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("notes.txt"), "remember the milk").unwrap();
    let ended = run(&server.address, &["classify", text(folder.path())]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("no WAV or FLAC file"), "{ended:?}");
}
