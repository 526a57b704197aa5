//! The same results in every form.

use std::fs;

use ser_client::proto::{StreamWarning, WarningCode, streaming_recognize_response::Response};
use serde_json::Value;

use super::{answer, csv_fields, json, recognise, recordings, text};
use crate::support::{fake::FakeServer, program::run};

#[tokio::test]
async fn every_format_says_the_same() {
    let server = FakeServer::start(|mut call| async move {
        call.accept().await;
        call.rest().await;
        let warning = StreamWarning {
            code: WarningCode::NarrowBand.into(),
            message: "narrow band".to_owned(),
            channel: None,
        };
        call.send(Response::Warning(warning)).await;
        answer(&call).await;
    });
    let folder = recordings(1);
    let file = text(folder.path()).to_owned() + "/0.wav";
    let out = folder.path().join("clips.csv");
    let ended = run(&server.address, &["classify", &file, "--out", text(&out)]).await;
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(0), ""),
        "{ended:?}"
    );
    assert!(
        ended
            .stderr
            .contains(&format!("warning: {file}: narrow band\n")),
        "{ended:?}"
    );
    let written = fs::read_to_string(&out).unwrap();
    let lines: Vec<_> = written.lines().map(csv_fields).collect();
    let field = |name: &str| {
        let column = lines[0].iter().position(|column| column == name);
        lines[1][column.unwrap_or_else(|| panic!("{name} is missing: {written}"))].as_str()
    };
    let of_clip = [
        "file",
        "verdict",
        "label",
        "confidence",
        "received",
        "warnings",
    ];
    let expected = [&file, "emotion", "happy", "0.7", "3", "narrow_band"];
    assert_eq!(of_clip.map(field), expected);
    let of_labels = [
        "time happy",
        "time sad",
        "time fear",
        "probability happy",
        "error",
    ];
    assert_eq!(of_labels.map(field), ["2", "0.5", "0", "0.7", ""]);

    let ended = run(&server.address, &["classify", &file, "--json"]).await;
    let lines = json(&ended.stdout);
    assert_eq!(
        (&lines[0]["type"], &lines[0]["verdict"]),
        (&"clip".into(), &"emotion".into())
    );
    assert_eq!(lines[0]["overall_label"], "happy");
    assert_eq!(lines[0]["warnings"], Value::from(vec!["narrow_band"]));
    assert_eq!(lines[0]["confidence"].as_f64().unwrap() as f32, 0.7);

    let ended = run(&server.address, &["classify", &file, "--format", "table"]).await;
    for cell in ["┆ happy ", "70.0 %", "3.00 s", "happy 2.00, sad 0.50"] {
        assert!(
            ended.stdout.contains(cell),
            "{cell:?} is missing: {ended:?}"
        );
    }
    assert!(!ended.stdout.contains('\u{1b}'), "no colour into a pipe");

    let windows = ["classify", &file, "--per", "window"];
    let ended = run(&server.address, &windows).await;
    let lines: Vec<_> = ended.stdout.lines().collect();
    assert!(lines[0].starts_with(&format!(
        "{file}     0.000s    1.000s  emotion    happy 0.750, "
    )));
    assert_eq!(
        lines[1..],
        [format!("{file}     1.000s    2.000s  no speech")]
    );
    let ended = run(&server.address, &[&windows[..], &["--json"]].concat()).await;
    let lines = json(&ended.stdout);
    assert_eq!(
        (&lines[0]["type"], &lines[0]["label"]),
        (&"window".into(), &"happy".into())
    );
    assert_eq!(
        (&lines[1]["verdict"], &lines[1]["end"]),
        (&"no_speech".into(), &2.0.into())
    );
    assert_eq!(lines[2]["type"], "total");
    let ended = run(
        &server.address,
        &[&windows[..], &["--format", "csv"]].concat(),
    )
    .await;
    let lines: Vec<_> = ended.stdout.lines().map(csv_fields).collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0].len(), lines[2].len());
    assert_eq!(lines[2][2], "no_speech");
    let ended = run(
        &server.address,
        &[&windows[..], &["--format", "table"]].concat(),
    )
    .await;
    assert!(ended.stdout.contains("no speech"), "{ended:?}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_is_told() {
    let server = FakeServer::start(recognise);
    let folder = recordings(2);
    for format in ["lines", "csv", "json", "table"] {
        let file = text(folder.path());
        let arguments = ["classify", file, "--out", "/dev/full", "--format", format];
        let ended = run(&server.address, &arguments).await;
        assert_eq!(ended.code, Some(1), "{format}: {ended:?}");
        let said = "error: can't write /dev/full: No space left on device";
        assert!(ended.stderr.contains(said), "{format}: {ended:?}");
    }
}
