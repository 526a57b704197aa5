//! `ser-server backends`, and a backend whose library is where the settings say, or
//! isn't.

#![allow(
    clippy::unwrap_used,
    reason = "test code: a failure here fails the test"
)]

use std::{env, fs, process::Output};

use ser_tests::{
    binaries,
    server::{ServerProcess, placement, until_serving},
};
use serde_json::Value;

/// Runs the server's command to its end.
fn server(arguments: &[&str]) -> Output {
    let mut command = binaries::command("ser-server");
    command.args(arguments).env_remove("ORT_DYLIB_PATH");
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// A configuration that runs everything on a library that there isn't.
fn configuration(folder: &tempfile::TempDir) -> String {
    let path = folder.path().join("config.toml");
    let settings = "[models]\nbackend = \"onnx\"\n\
        [models.settings.onnx]\nlibrary = \"/no/such/libonnxruntime.so\"\n";
    fs::write(&path, settings).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn backends_are_listed_with_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(&folder);
    let output = server(&["backends", "--json", "--config", &config]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let reports: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let report = |name: &str| {
        let mut reports = reports.iter();
        reports.find(|report| report["backend"] == name).unwrap()
    };
    assert_eq!(report("burn")["available"], true);
    let cpu = &report("burn")["providers"][0];
    assert_eq!(
        (&cpu["name"], &cpu["available"]),
        (&"cpu".into(), &true.into())
    );
    assert_eq!(report("onnx")["available"], false);
    let reason = report("onnx")["reason"].as_str().unwrap();
    assert!(reason.contains("/no/such/libonnxruntime.so"), "{reason}");

    let output = server(&["backends", "--config", &config]);
    let lines = text(&output.stdout);
    assert!(lines.contains("burn\n  cpu        available\n"), "{lines}");
    assert!(lines.contains("onnx\n  not available: "), "{lines}");
    assert!(lines.contains("cargo xtask onnxruntime"), "{lines}");
}

#[test]
fn flags_of_the_server_are_none_of_the_list() {
    let output = server(&["--listen", "127.0.0.1:0", "backends"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stdout));
}

#[test]
fn a_model_without_its_library_keeps_the_server_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(&folder);
    let output = server(&["--listen", "127.0.0.1:0", "--config", &config]);
    assert_eq!(output.status.code(), Some(1));
    let reason = text(&output.stderr);
    assert!(reason.contains("settings: library"), "{reason}");
    assert!(reason.contains("No such file"), "{reason}");
    assert!(reason.contains("cargo xtask onnxruntime"), "{reason}");
}

#[tokio::test]
#[ignore = "needs ORT_DYLIB_PATH"]
async fn a_library_that_only_the_settings_name_serves() {
    let library = env::var("ORT_DYLIB_PATH").unwrap();
    let environment = [
        ("SER__MODELS__BACKEND", "onnx"),
        ("SER__MODELS__SETTINGS__ONNX__LIBRARY", library.as_str()),
        // As if it weren't set.
        ("ORT_DYLIB_PATH", ""),
    ];
    let server = ServerProcess::start(&[], &environment);
    let channel = server.channel().await;
    until_serving(channel.clone()).await;
    let on = ("onnx".to_owned(), "cpu".to_owned());
    assert_eq!(placement(channel, "").await, on);
}
