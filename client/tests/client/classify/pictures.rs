//! `--plot`.

use std::fs;

use super::{recognise, recordings, text};
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
