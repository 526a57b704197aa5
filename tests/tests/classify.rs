//! `ser-client classify` against real servers: it says of many recordings what `stream`
//! says of each.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use roxmltree::Document;
use rustix::process::Signal;
use ser_tests::{
    audio, binaries,
    binaries::sample,
    evaluation::{corpora, evaluated},
    program::{self, Program},
    server::ServerProcess,
};
use serde_json::Value;
use tempfile::TempDir;

const SAMPLES: [&str; 4] = [
    "call-44100-stereo.flac",
    "demo.wav",
    "german-24000-float.wav",
    "telephone-8000-mulaw.wav",
];

fn client(server: &str, arguments: &[&str]) -> Command {
    let mut command = binaries::command("ser-client");
    command
        .args(["--server", server])
        .args(arguments)
        .stdin(Stdio::null());
    command
}

/// The JSON lines of a command that must succeed.
async fn lines(server: &str, arguments: &[&str]) -> Vec<Value> {
    let ended = program::run(client(server, &[arguments, &["--json"]].concat())).await;
    ended.assert(0, &[]);
    let lines = ended.stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// The fields of `line` that another command prints, too.
fn common(line: &Value) -> Value {
    let mut line = line.clone();
    let fields = line.as_object_mut().expect("an object");
    for own in ["type", "file", "confidence", "warnings"] {
        fields.remove(own);
    }
    if fields.contains_key("overall_label") {
        fields.remove("verdict");
    }
    line
}

#[tokio::test(flavor = "multi_thread")]
async fn clips_and_windows_are_those_of_streams() {
    let (server, _) = ServerProcess::ready().await;
    let server = server.url();
    let samples = SAMPLES.map(|name| text(&sample(name)).to_owned());
    for options in [&[][..], &["--channel-policy", "separate", "--hop", "300ms"]] {
        let files: Vec<_> = samples.iter().map(String::as_str).collect();
        let clips = lines(&server, &[&["classify"], &files[..], options].concat()).await;
        let windows = [&["classify", "--per", "window"], &files[..], options].concat();
        let windows = lines(&server, &windows).await;
        let mut expected = (Vec::new(), Vec::new());
        for file in &files {
            let stream = [&["stream", file, "--fast"], options].concat();
            let events = lines(&server, &stream).await;
            let named = |kind: &str| -> Vec<_> {
                let events = events.iter().filter(|event| event["type"] == kind);
                events
                    .map(|event| (Value::from(*file), common(event)))
                    .collect()
            };
            expected.0.extend(named("summary"));
            expected.1.extend(named("result"));
        }
        let of = |lines: &[Value]| -> Vec<_> {
            let lines = lines[..lines.len() - 1].iter();
            lines
                .map(|line| (line["file"].clone(), common(line)))
                .collect()
        };
        assert_eq!(of(&clips), expected.0);
        assert_eq!(of(&windows), expected.1);
        let total = clips.last().expect("a total");
        assert_eq!(
            (&total["type"], &total["classified"]),
            (&"total".into(), &4.into())
        );
    }
}

/// A folder of `number` recordings of a minute and what is no recording.
fn folder(number: usize) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let minute = audio::wav(8_000, 1, &audio::voice(8_000, 60.0, 1));
    let first = folder.path().join("clip-000.wav");
    fs::write(&first, minute).expect("a file");
    for index in 1..number {
        let name = format!("clip-{index:03}.wav");
        fs::hard_link(&first, folder.path().join(name)).expect("a link");
    }
    fs::write(folder.path().join("broken.flac"), "fLaC").expect("a file");
    fs::write(folder.path().join("notes.txt"), "no recording").expect("a file");
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_worked_off_in_spite_of_a_broken_file() {
    let (server, _) = ServerProcess::ready().await;
    let folder = folder(5);
    let out = folder.path().join("results.csv");
    let arguments = ["classify", text(folder.path()), "--out", text(&out)];
    let ended = program::run(client(&server.url(), &arguments)).await;
    ended.assert(1, &["broken.flac: ", "5 clips, 300.0 s of audio in "]);
    let rows = fs::read_to_string(&out).expect("the results");
    let rows: Vec<_> = rows.lines().collect();
    assert_eq!(rows.len(), 1 + 6, "{rows:#?}");
    assert!(rows[0].ends_with(",probability sad,error"), "{}", rows[0]);
    assert!(rows[1].contains("broken.flac,,"), "{}", rows[1]);
    // Equal audio has equal results.
    let results = |row: &str| row.split_once(".wav").expect("a clip").1.to_owned();
    assert!(
        rows[3..].iter().all(|row| results(row) == results(rows[2])),
        "{rows:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_costs_no_clip() {
    let (first, _) = ServerProcess::ready().await;
    let (second, _) = ServerProcess::ready().await;
    let folder = folder(40);
    fs::remove_file(folder.path().join("broken.flac")).expect("a file");
    let second = second.url();
    let arguments = ["--server", &second, "classify", text(folder.path())];
    let mut program = Program::start(client(&first.url(), &arguments));
    let before = program.line().await;
    drop(first);
    let ended = program.end().await;
    ended.assert(0, &[]);
    let after: Vec<_> = ended.stdout.lines().collect();
    assert_eq!(after.len(), 39);
    let result = |line: &str| line.split_once(".wav").expect("a clip").1.to_owned();
    assert!(
        after.iter().all(|line| result(line) == result(&before)),
        "{after:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_keeps_the_results_so_far() {
    let (server, _) = ServerProcess::ready().await;
    let folder = folder(500);
    let arguments = ["classify", text(folder.path()), "--json"];
    let mut program = Program::start(client(&server.url(), &arguments));
    while !program.line().await.contains("clip-000.wav") {}
    program.signal(Signal::INT);
    let ended = program.end().await;
    ended.assert(130, &[]);
    let last = ended.stdout.lines().last().expect("a total");
    let total: Value = serde_json::from_str(last).expect("JSON");
    assert_eq!(total["type"], "total");
    let count = |field: &str| total[field].as_u64().expect("a number");
    assert!(count("classified") >= 1 && count("untried") >= 1, "{total}");
    assert_eq!(
        count("classified") + count("failed") + count("untried"),
        501
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_shows_what_was_said() {
    let (server, _) = ServerProcess::ready().await;
    let server = server.url();
    let folder = tempfile::tempdir().expect("a folder");
    let picture = folder.path().join("timeline.svg");
    let file = sample("call-44100-stereo.flac");
    let arguments = [
        "classify",
        text(&file),
        "--channel-policy",
        "separate",
        "--per",
        "window",
    ];
    let arguments = [&arguments[..], &["--plot", text(&picture)]].concat();
    let windows = lines(&server, &arguments).await;
    let svg = fs::read_to_string(&picture).expect("a picture");
    let document = Document::parse(&svg).expect("XML");
    let of_kind = |kind: &'static str| {
        let nodes = document.descendants();
        nodes.filter(move |node| node.has_tag_name(kind))
    };
    let texts: Vec<_> = of_kind("text")
        .filter_map(|node| node.text())
        .map(str::trim)
        .collect();
    let labels = windows[0]["scores"].as_array().expect("scores");
    assert_eq!(labels.len(), 7);
    for score in labels {
        let label = score["label"].as_str().expect("a text");
        assert!(texts.contains(&label), "{label} is missing: {texts:?}");
    }
    assert!(texts.contains(&"call-44100-stereo.flac") && texts.contains(&"channel 1"));
    assert_eq!(of_kind("polygon").count(), 2, "a waveform for each channel");
    // Background, legend, and of each result with speech a part for each emotion.
    let parts = windows
        .iter()
        .filter(|line| !line["scores"].is_null())
        .map(|line| {
            let scores = line["scores"].as_array().expect("scores").iter();
            scores
                .filter(|score| score["probability"].as_f64() > Some(0.0))
                .count()
        });
    let least = 1 + 8 + parts.sum::<usize>();
    let rectangles = of_kind("rect").count();
    let stretches = windows.len();
    assert!(
        (least + 2..=least + stretches).contains(&rectangles),
        "{rectangles} of {least}"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs SER_CORPORA"]
async fn real_speech_gets_the_labels_of_the_evaluation() {
    let tess = corpora().join("tess");
    let evaluated = evaluated(&tess);
    assert!(evaluated.len() > 2_000, "{} clips", evaluated.len());
    let (server, _) = ServerProcess::ready().await;
    let classified = lines(&server.url(), &["classify", text(&tess)]).await;
    let total = classified.last().expect("a total");
    assert_eq!(total["classified"], evaluated.len());
    let different: Vec<_> = classified[..evaluated.len()]
        .iter()
        .filter(|clip| {
            let file = PathBuf::from(clip["file"].as_str().expect("a text"));
            clip["overall_label"].as_str() != evaluated.get(&file).map(String::as_str)
        })
        .collect();
    assert!(
        different.is_empty(),
        "{} clips: {different:#?}",
        different.len()
    );
}
