//! The log level, changed while the server runs.

use ser_tests::{
    binaries,
    program::{Ended, run},
    server::{ServerProcess, until_serving},
};

async fn log_level(admin: &str, arguments: &[&str]) -> Ended {
    let mut command = binaries::command("ser-client");
    command
        .args(["admin", "--admin-server", admin, "log-level"])
        .args(arguments);
    run(command).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_changes_what_is_logged() {
    let folder = tempfile::tempdir().unwrap();
    let port_file = folder.path().join("port");
    let mut server = ServerProcess::start(
        &["--admin-listen", "127.0.0.1:0"],
        &[("SER__ADMIN__PORT_FILE", port_file.to_str().unwrap())],
    );
    let channel = server.channel().await;
    until_serving(channel.clone()).await;
    let port = std::fs::read_to_string(port_file).unwrap();
    let admin = format!("http://127.0.0.1:{}", port.trim());

    let now = log_level(&admin, &[]).await;
    now.assert(0, &[]);
    assert_eq!(now.stdout, "info\n");
    let wrong = log_level(&admin, &["inof"]).await;
    wrong.assert(4, &["level: \"inof\"; expected off, error, warn"]);
    let changed = log_level(&admin, &["ser_server=debug", "--for", "1h"]).await;
    changed.assert(0, &[]);
    assert!(
        changed
            .stdout
            .starts_with("ser_server=debug, info again in "),
        "{changed:?}"
    );
    let stream = ser_tests::stream::recognise(
        channel,
        ser_tests::stream::config(ser_proto::v1::Encoding::S16le, 22_050),
        [bytes::Bytes::from(vec![0; 44_100])],
    );
    assert_eq!(stream.await.error, None);
    let back = log_level(&admin, &["--json", "--reset"]).await;
    back.assert(0, &[]);
    let told: serde_json::Value = serde_json::from_str(&back.stdout).unwrap();
    let expected = serde_json::json!({
        "type": "log_level", "level": "info", "configured": "info",
    });
    assert_eq!(told, expected);

    server.signal(rustix::process::Signal::TERM);
    let (_, log) = server.wait();
    let started = |line: &&String| line.contains("\"message\":\"stream started\"");
    assert_eq!(log.iter().filter(started).count(), 1, "{log:#?}");
}
