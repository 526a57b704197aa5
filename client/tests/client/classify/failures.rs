//! Clips, servers and options that come to nothing.

use std::{
    fs,
    sync::atomic::{AtomicUsize, Ordering},
};

use ser_client::proto::streaming_recognize_response::Response;
use serde_json::Value;
use tonic::Status;

use super::{answer, csv_fields, json, number, recognise, recordings, text};
use crate::support::{fake::FakeServer, messages, program::run};

#[tokio::test]
async fn what_cannot_be_read_is_told_and_the_rest_go_on() {
    let server = FakeServer::start(recognise);
    let folder = recordings(2);
    fs::write(folder.path().join("0a.wav"), "remember the milk").unwrap();
    let missing = folder.path().join("missing.wav");
    let arguments = ["classify", text(folder.path()), text(&missing)];
    let path = |name: &str| text(&folder.path().join(name)).to_owned();

    let ended = run(&server.address, &arguments).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(ended.stdout.lines().count(), 2);
    let not_audio = format!("error: {}: no WAV or FLAC file", path("0a.wav"));
    let not_there = format!("error: {}: No such file", missing.display());
    let count = "error: 2 of 4 clips can't be classified";
    for said in [&not_audio, &not_there, count, "; 2 failed"] {
        assert!(
            ended.stderr.contains(said),
            "{said:?} is missing: {ended:?}"
        );
    }

    let ended = run(&server.address, &[&arguments[..], &["--json"]].concat()).await;
    let lines = json(&ended.stdout);
    let files: Vec<_> = lines
        .iter()
        .map(|line| (&line["type"], &line["file"]))
        .collect();
    let expected = [
        ("clip", Some("0.wav")),
        ("failed", Some("0a.wav")),
        ("clip", Some("1.wav")),
        ("failed", Some("missing.wav")),
        ("total", None),
    ];
    let expected = expected.map(|(kind, name)| (Value::from(kind), Value::from(name.map(path))));
    assert_eq!(
        files,
        expected.iter().map(|(a, b)| (a, b)).collect::<Vec<_>>()
    );
    assert!(
        lines[3]["reason"]
            .as_str()
            .unwrap()
            .starts_with("No such file")
    );
    assert_eq!(
        (&lines[4]["classified"], &lines[4]["failed"]),
        (&2.into(), &2.into())
    );

    let ended = run(
        &server.address,
        &[&arguments[..], &["--format", "csv"]].concat(),
    )
    .await;
    let rows: Vec<_> = ended.stdout.lines().collect();
    assert_eq!(rows.len(), 5);
    assert!(
        rows[2].starts_with(&format!("{},,,", path("0a.wav"))),
        "{}",
        rows[2]
    );
    assert!(rows[2].contains(",no WAV or FLAC file"), "{}", rows[2]);
    let columns = |row: &str| csv_fields(row).len();
    assert!(
        rows.iter().all(|row| columns(row) == columns(rows[0])),
        "{rows:#?}"
    );
}

#[tokio::test]
async fn a_clip_whose_stream_breaks_goes_on() {
    let attempts = AtomicUsize::new(0);
    let server = FakeServer::start(move |mut call| {
        let attempt = attempts.fetch_add(1, Ordering::SeqCst);
        async move {
            let resume = call.accept().await.resume;
            call.rest().await;
            match attempt {
                0 => {
                    call.send(messages::result(messages::emotion(0, "sad", 0.9)))
                        .await;
                    call.fail(Status::unavailable("server: shutting down"))
                        .await;
                }
                1 => {
                    call.fail(Status::deadline_exceeded("audio: none for 30s"))
                        .await;
                }
                _ => {
                    assert_eq!(resume.unwrap().results, 1);
                    call.send(messages::result(messages::no_speech(1))).await;
                    call.send(Response::Summary(messages::summary())).await;
                }
            }
        }
    });
    let folder = recordings(1);
    let arguments = ["classify", text(folder.path()), "--per", "window"];
    let ended = run(&server.address, &arguments).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let lines: Vec<_> = ended.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{ended:?}");
    assert!(lines[0].contains("sad 0.9") && lines[1].ends_with("no speech"));
}

#[tokio::test]
async fn a_server_that_is_lost_ends_the_work() {
    let server = FakeServer::start(|mut call| async move {
        call.accept().await;
        if number(&mut call).await == 0 {
            answer(&call).await;
        } else {
            call.fail(Status::unavailable("server: shutting down"))
                .await;
        }
    });
    let folder = recordings(20);
    let arguments = [
        "classify",
        text(folder.path()),
        "--jobs",
        "1",
        "--json",
        "--resume-timeout",
        "1ms",
    ];
    let ended = run(&server.address, &arguments).await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let lines = json(&ended.stdout);
    let kinds: Vec<_> = lines
        .iter()
        .map(|line| line["type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["clip", "failed", "total"]);
    assert_eq!(lines[2]["untried"], 18);
    for said in [
        "1.wav: ",
        "1 failed; 18 not tried",
        "results so far are complete",
    ] {
        assert!(
            ended.stderr.contains(said),
            "{said:?} is missing: {ended:?}"
        );
    }
}

#[tokio::test]
async fn a_file_that_makes_the_model_fail_is_one_failure() {
    let server = FakeServer::start(|mut call| async move {
        call.accept().await;
        if number(&mut call).await == 1 {
            call.fail(Status::internal("model tess-lstm/1: inference failed"))
                .await;
        } else {
            answer(&call).await;
        }
    });
    let folder = recordings(3);
    let ended = run(&server.address, &["classify", text(folder.path())]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(ended.stdout.lines().count(), 2);
    assert!(
        ended
            .stderr
            .contains("1.wav: the server failed: model tess-lstm/1"),
        "{ended:?}"
    );
}

#[tokio::test]
async fn options_that_are_refused_are_told_once() {
    let server = FakeServer::start(|mut call| async move {
        call.config().await;
        call.fail(Status::invalid_argument(
            "config.options.top_k: 9; expected 1 to 7",
        ))
        .await;
    });
    let folder = recordings(20);
    let ended = run(
        &server.address,
        &["classify", text(folder.path()), "--top-k", "9"],
    )
    .await;
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(4), ""),
        "{ended:?}"
    );
    assert_eq!(ended.stderr.matches("top_k").count(), 1, "{ended:?}");
    let ended = run(
        &server.address,
        &["classify", text(folder.path()), "--model", "none"],
    )
    .await;
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(ended.stderr.contains("\"none\" is not served"), "{ended:?}");
}

#[tokio::test]
async fn a_refusal_midway_keeps_what_is_there() {
    // As if the model were unloaded after the first clip.
    let server = FakeServer::start(|mut call| async move {
        call.accept().await;
        if number(&mut call).await == 0 {
            answer(&call).await;
        } else {
            call.fail(Status::not_found("config.options.model: not served"))
                .await;
        }
    });
    let folder = recordings(20);
    let arguments = ["classify", text(folder.path()), "--jobs", "1"];
    let ended = run(
        &server.address,
        &[&arguments[..], &["--format", "table"]].concat(),
    )
    .await;
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(ended.stdout.contains("0.wav ┆ happy"), "{ended:?}");
    assert!(ended.stderr.contains("; 19 not tried"), "{ended:?}");
    assert_eq!(ended.stderr.matches("not served").count(), 1, "{ended:?}");

    let ended = run(&server.address, &[&arguments[..], &["--json"]].concat()).await;
    assert_eq!(ended.code, Some(4), "{ended:?}");
    let lines = json(&ended.stdout);
    let total = lines.last().unwrap();
    assert_eq!(
        (&total["type"], &total["classified"], &total["untried"]),
        (&"total".into(), &1.into(), &19.into())
    );
}
