//! The examples of the client library against real servers.

use std::{collections::BTreeSet, process::Stdio};

use ser_tests::{
    binaries::{self, sample},
    server::ServerProcess,
};
use serde_json::Value;

/// What the program `command` of this workspace prints.
fn output(mut command: std::process::Command, arguments: &[&str]) -> String {
    let output = command
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("the program runs");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn demo() -> String {
    let path = sample("demo.wav");
    path.to_str().expect("UTF-8").to_owned()
}

/// The overall label that `ser-client` gives.
fn expected(server: &ServerProcess) -> String {
    let arguments = [
        "stream",
        &demo(),
        "--fast",
        "--json",
        "--server",
        &server.url(),
    ];
    let printed = output(binaries::command("ser-client"), &arguments);
    let summary = printed.lines().last().expect("a summary");
    let summary: Value = serde_json::from_str(summary).expect("JSON");
    summary["overall_label"]
        .as_str()
        .expect("a label")
        .to_owned()
}

#[test]
fn a_recording_is_streamed() {
    let server = ServerProcess::start(&[], &[]);
    let printed = output(binaries::example("recording"), &[&server.url(), &demo()]);
    let last = printed.lines().last().expect("a summary");
    assert_eq!(last, format!("overall {}", expected(&server)));
    assert!(printed.starts_with("until "), "{printed}");
}

#[test]
fn live_audio_is_streamed() {
    let server = ServerProcess::start(&[], &[]);
    let printed = output(binaries::example("live"), &[&server.url(), "1"]);
    let last = printed.lines().last().expect("a summary");
    assert!(last.starts_with("1s heard, "), "{printed}");
}

#[test]
fn several_servers_share_recordings() {
    let servers = [
        ServerProcess::start(&[], &[]),
        ServerProcess::start(&[], &[]),
    ];
    let urls = servers.each_ref().map(ServerProcess::url);
    let wait = ["health", "--wait", "60s", "--server", &urls.join(",")];
    output(binaries::command("ser-client"), &wait);
    let demo = demo();
    let printed = output(
        binaries::example("several_servers"),
        &[&urls.join(","), &demo, &demo, &demo, &demo],
    );
    let said = format!("{demo}: {}, says ", expected(&servers[0]));
    let lines = printed.lines().map(|line| line.strip_prefix(&said));
    let lines: Vec<&str> = lines.collect::<Option<_>>().expect("the same label");
    assert_eq!(lines.len(), 4);
    let shared: BTreeSet<&str> = lines.into_iter().collect();
    assert_eq!(shared, urls.iter().map(String::as_str).collect());
}
