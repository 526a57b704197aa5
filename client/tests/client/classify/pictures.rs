//! `--plot`.

use std::fs;

use super::{json, recognise, recordings, text};
use crate::support::{fake::FakeServer, program::run};

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

#[cfg(unix)]
#[tokio::test]
async fn a_picture_that_cannot_be_written_costs_no_result() {
    let server = FakeServer::start(recognise);
    let folder = recordings(3);
    let pictures = tempfile::tempdir().unwrap();
    // Where the picture of the first is to be, there is a folder.
    let taken = pictures.path().join("0.wav.svg");
    fs::create_dir(&taken).unwrap();
    let arguments = ["classify", text(folder.path()), "--json", "--plot"];
    let ended = run(
        &server.address,
        &[&arguments[..], &[text(pictures.path())]].concat(),
    )
    .await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let total = json(&ended.stdout).pop().unwrap();
    assert_eq!(total["classified"], 3);
    let unwritten = format!("error: can't write {}: ", taken.display());
    for said in [&unwritten, "error: 1 of 3 pictures can't be written"] {
        assert!(ended.stderr.contains(said), "{said}: {ended:?}");
    }
    for name in ["1.wav.svg", "2.wav.svg"] {
        assert!(pictures.path().join(name).is_file());
    }
}
