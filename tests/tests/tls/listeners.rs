//! What each listener asks of those who connect.

use rustix::process::Signal;
use ser_tests::server::{HealthWatch, until_serving};
use tonic_health::pb::health_check_response::ServingStatus;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_slow_is_closed_and_holds_nobody_up() {
    let setup = Setup::new();
    let server = setup.server(&[("SER__SERVER__HANDSHAKE", "500ms")]);
    let silent = TcpStream::connect(server.address()).await.unwrap();
    let mut dribbling = TcpStream::connect(server.address()).await.unwrap();
    // The first bytes of a TLS handshake that never goes on.
    dribbling.write_all(&[22, 3, 1]).await.unwrap();
    let ca = setup.flags(&[("--ca", "ca.crt")]);
    client(&server.secure_url(), &ca).await.assert(0, &[]);
    for mut slow in [silent, dribbling] {
        let end = timeout(PATIENCE, slow.read(&mut [0; 64])).await;
        assert_eq!(end.expect("it is closed").unwrap_or(0), 0);
    }
    server
        .until_said("connection refused: no HTTP/2 in time", 0)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_beyond_the_limit_are_refused_until_one_ends() {
    let server = ServerProcess::start(&[], &[("SER__SERVER__CONNECTIONS", "1")]);
    let only = server.channel().await;
    until_serving(only.clone()).await;
    let mut further = TcpStream::connect(server.address()).await.unwrap();
    let end = timeout(PATIENCE, further.read(&mut [0; 64])).await;
    assert_eq!(end.expect("it is closed").unwrap_or(0), 0);
    let refused = "connection refused: 1 open; expected at most 1";
    server.until_said(refused, 0).await;
    drop(only);
    let none: [&str; 0] = [];
    client(&server.url(), &none).await.assert(0, &[]);
}

/// What HTTP/2 begins with, and an empty SETTINGS frame.
const HELLO: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_nobody_uses_makes_room() {
    let environment = [
        ("SER__SERVER__CONNECTIONS", "2"),
        ("SER__SERVER__IDLE_CONNECTION", "300ms"),
    ];
    let server = ServerProcess::start(&[], &environment);
    let mut watch = HealthWatch::open(server.channel().await).await;
    watch.until(ServingStatus::Serving).await;
    let mut unused = TcpStream::connect(server.address()).await.unwrap();
    unused.write_all(HELLO).await.unwrap();
    let mut heard = Vec::new();
    let end = timeout(PATIENCE, unused.read_to_end(&mut heard)).await;
    // Unread bytes may make an error of it, but an end it is.
    let _ = end.expect("it is closed");
    assert!(!heard.is_empty(), "it was a connection before");
    let none: [&str; 0] = [];
    client(&server.url(), &none).await.assert(0, &[]);
    // A call that says nothing is a call.
    server.signal(Signal::TERM);
    watch.until(ServingStatus::NotServing).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_have_a_listener_that_serves_health_alone() {
    let setup = Setup::new();
    let server = setup.server(&[
        ("SER__TLS__CLIENT_CA", &setup.files.text("ca.crt")),
        ("SER__HEALTH__LISTEN", "127.0.0.1:0"),
    ]);
    let (line, _) = server.until_said("health alone on ", 0).await;
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    let probes = format!("http://{}", line["address"].as_str().unwrap());
    let none: [&str; 0] = [];
    client(&probes, &none).await.assert(0, &[]);
    let mut models = binaries::command("ser-client");
    models.args(["--server", &probes, "models"]);
    run(models).await.assert(4, &["Unimplemented"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_have_credentials_of_their_own() {
    let setup = Setup::new();
    let admin = setup.ca.server(&["127.0.0.1"]);
    setup.files.write_signed("admin", &admin);
    let (operator, operators) = token("operator");
    let (user, users) = token("user");
    setup.files.write("operators.toml", &operators);
    setup.files.write("users.toml", &users);
    let text = |name| setup.files.text(name);
    let server = setup.server(&[
        ("SER__AUTH__TOKENS", &text("users.toml")),
        ("SER__ADMIN__LISTEN", "0.0.0.0:0"),
        ("SER__ADMIN__TOKENS", &text("operators.toml")),
        ("SER__ADMIN__PORT_FILE", &text("admin-port")),
        ("SER__ADMIN__TLS__CERTIFICATE", &text("admin.crt")),
        ("SER__ADMIN__TLS__KEY", &text("admin.key")),
    ]);
    client(&server.secure_url(), &setup.flags(&[("--ca", "ca.crt")]))
        .await
        .assert(0, &[]);
    let port = std::fs::read_to_string(setup.files.path("admin-port")).unwrap();
    let list = |token: &str| {
        let mut command = binaries::command("ser-client");
        let url = format!("https://127.0.0.1:{}", port.trim());
        command
            .args(["admin", "list", "--admin-server", &url])
            .args(["--ca", &text("ca.crt")])
            .env("SER_TOKEN", token);
        run(command)
    };
    let ended = list(&operator).await;
    ended.assert(0, &[]);
    assert!(ended.stdout.contains("tess-lstm"), "{ended:?}");
    let expected = "authorization: unknown token; expected one that this server knows";
    list(&user).await.assert(4, &[expected]);
}
