//! A few seconds of what is run for half an hour by hand: streams that come and go, some
//! of which misbehave.

#![allow(
    clippy::unwrap_used,
    reason = "test code: a failure here fails the test"
)]

use std::{fs, process::Stdio};

use ser_tests::{
    binaries,
    program::Program,
    server::{ServerProcess, until_serving},
};

#[tokio::test(flavor = "multi_thread")]
async fn streams_come_and_go_and_none_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let port_file = folder.path().join("metrics-port");
    let environment = [
        ("SER__METRICS__LISTEN", "127.0.0.1:0"),
        ("SER__METRICS__PORT_FILE", port_file.to_str().unwrap()),
        ("SER__LIMITS__IDLE", "2s"),
    ];
    let server = ServerProcess::start(&[], &environment);
    until_serving(server.channel().await).await;
    let port = fs::read_to_string(&port_file).unwrap();
    let mut command = binaries::example("soak");
    command
        .args(["--server", &server.address().to_string()])
        .args(["--metrics", &format!("127.0.0.1:{}", port.trim())])
        .args(["--process", &server.id().to_string()])
        .args(["--streams", "40", "--duration", "10s", "--interval", "5s"])
        .stdin(Stdio::null());
    let ended = Program::start(command).end().await;
    println!("{}", ended.stdout);
    ended.assert(0, &[]);
    assert!(ended.stdout.contains("open at the end: 0"));
}
