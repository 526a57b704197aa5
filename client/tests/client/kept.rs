//! Recordings that an output option names outlive the command.

use std::fs;

use crate::support::{
    fake::FakeServer,
    program::{Recording, run, wav},
};

/// Runs it, and asserts that it refuses to write over `kept`.
async fn assert_kept(arguments: &[&str], kept: &str, options: [&str; 2]) {
    let server = FakeServer::without_streams();
    let before = fs::read(kept).unwrap();
    let ended = run(&server.address, arguments).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    for option in options {
        assert!(ended.stderr.contains(option), "{option}: {ended:?}");
    }
    assert_eq!(fs::read(kept).unwrap(), before);
}

#[tokio::test]
async fn results_do_not_replace_a_recording() {
    let own = Recording::of(&[1000; 8]);
    let own = own.path();
    let arguments = ["classify", own, "--out", own];
    assert_kept(&arguments, own, ["--out", "PATH"]).await;

    let folder = tempfile::tempdir().unwrap();
    for name in ["a.wav", "b.wav"] {
        fs::write(folder.path().join(name), wav(&[1000; 8])).unwrap();
    }
    let folder = folder.path().to_str().unwrap();
    let found = format!("{folder}/b.wav");
    let arguments = ["classify", folder, "--out", &found];
    assert_kept(&arguments, &found, ["--out", "PATH"]).await;
}

#[tokio::test]
async fn pictures_do_not_replace_a_recording() {
    let own = Recording::write("own.svg", &wav(&[1000; 8]));
    let own = own.path();
    let arguments = ["classify", own, "--plot", own];
    assert_kept(&arguments, own, ["--plot", "PATH"]).await;
    let arguments = ["bench", "--audio", own, "--plot", own];
    assert_kept(&arguments, own, ["--plot", "--audio"]).await;

    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    let [first, picture] = ["a.wav", "a.wav.svg"].map(|name| format!("{folder}/{name}"));
    for path in [&first, &picture] {
        fs::write(path, wav(&[1000; 8])).unwrap();
    }
    let arguments = ["classify", &first, &picture, "--plot", folder];
    assert_kept(&arguments, &picture, ["--plot", "PATH"]).await;
}
