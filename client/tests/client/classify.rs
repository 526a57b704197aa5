//! Many recordings at once.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use rustix::process::Signal;
use ser_client::proto::{Pace, StreamWarning, WarningCode, streaming_recognize_response::Response};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::{Semaphore, mpsc};
use tonic::Status;
use vt100::Color;

use crate::support::{
    fake::{Call, FakeServer},
    messages,
    program::{run, start, wav},
    terminal::{Terminal, rows},
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

#[tokio::test]
async fn a_clip_whose_stream_breaks_is_sent_again() {
    let attempts = AtomicUsize::new(0);
    let server = FakeServer::start(move |mut call| {
        let attempt = attempts.fetch_add(1, Ordering::SeqCst);
        async move {
            call.accept().await;
            if attempt < 2 {
                call.send(messages::result(messages::emotion(0, "sad", 0.9)))
                    .await;
            }
            call.rest().await;
            match attempt {
                0 => {
                    call.fail(Status::unavailable("server: shutting down"))
                        .await
                }
                1 => {
                    call.fail(Status::deadline_exceeded("audio: none for 30s"))
                        .await
                }
                _ => answer(&call).await,
            }
        }
    });
    let folder = recordings(1);
    let arguments = ["classify", text(folder.path()), "--per", "window"];
    let ended = run(&server.address, &arguments).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    // Nothing of the first attempts.
    assert_eq!(ended.stdout.lines().count(), 2, "{ended:?}");
    assert!(ended.stdout.contains("happy") && !ended.stdout.contains("sad 0.9"));
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
        "--connect-timeout",
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
async fn ctrl_c_leaves_what_is_there() {
    let (waiting, mut waits) = mpsc::unbounded_channel();
    let server = FakeServer::start(move |mut call| {
        let waiting = waiting.clone();
        async move {
            call.accept().await;
            // The second never ends; the third waits behind it.
            if number(&mut call).await == 1 {
                waiting.send(()).unwrap();
                std::future::pending::<()>().await;
            }
            answer(&call).await;
        }
    });
    let folder = recordings(3);
    let mut program = start(&server.address, &["classify", text(folder.path())]);
    assert!(program.line().await.contains("0.wav"));
    waits.recv().await.unwrap();
    program.signal(Signal::INT);
    let ended = program.end().await;
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert!(!ended.stdout.contains("1.wav"), "{ended:?}");
    for said in ["stopping; press Ctrl-C again", " not tried"] {
        assert!(
            ended.stderr.contains(said),
            "{said:?} is missing: {ended:?}"
        );
    }
}

#[tokio::test]
async fn a_reader_that_has_seen_enough_ends_the_work() {
    let (sent, mut clips) = mpsc::unbounded_channel();
    let gate = Arc::new(Semaphore::new(1));
    let server = FakeServer::start({
        let gate = Arc::clone(&gate);
        move |mut call| {
            let (sent, gate) = (sent.clone(), Arc::clone(&gate));
            async move {
                call.accept().await;
                sent.send(number(&mut call).await).unwrap();
                gate.acquire().await.unwrap().forget();
                answer(&call).await;
            }
        }
    });
    let folder = recordings(200);
    let arguments = ["classify", text(folder.path()), "--jobs", "1"];
    let mut program = start(&server.address, &arguments);
    assert!(program.line().await.contains("happy"));
    program.close_stdout();
    // More than one: while another test forks, the pipe still has a reader.
    let release = tokio::spawn(async move {
        while clips.recv().await.is_some() {
            gate.add_permits(1);
        }
    });
    let ended = program.end().await;
    release.abort();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.stderr.contains("error"), "{ended:?}");
    assert!(
        !ended.stderr.contains(" clips, "),
        "it isn't through: {ended:?}"
    );
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

#[tokio::test]
async fn nothing_to_classify_is_a_failure() {
    let server = FakeServer::without_streams();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("notes.txt"), "remember the milk").unwrap();
    let ended = run(&server.address, &["classify", text(folder.path())]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("no WAV or FLAC file"), "{ended:?}");
}

#[tokio::test]
async fn pictures_of_several_clips_fill_a_folder() {
    let server = FakeServer::start(recognise);
    let folder = recordings(2);
    let out = tempfile::tempdir().unwrap();
    let picture = out.path().join("timeline.svg");
    let refused = ["classify", text(folder.path()), "--plot", text(&picture)];
    let ended = run(&server.address, &refused).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(
        ended.stderr.contains("these are 2 clips; name a folder"),
        "{ended:?}"
    );

    let pictures = out.path().join("timelines");
    let arguments = ["classify", text(folder.path()), "--plot", text(&pictures)];
    let ended = run(&server.address, &arguments).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for name in ["0.wav.svg", "1.wav.svg"] {
        let svg = fs::read_to_string(pictures.join(name)).unwrap();
        assert!(
            svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"),
            "{svg}"
        );
    }
}

#[tokio::test]
async fn a_terminal_shows_how_far_it_is_and_then_a_table() {
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
