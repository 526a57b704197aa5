//! `ser-client health`.

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tonic_health::pb::health_check_response::ServingStatus;

use crate::support::{
    fake::{FakeServer, ReservedPort},
    program::{patiently, run, start},
};

#[tokio::test]
async fn serving_is_success() {
    let server = FakeServer::without_streams();
    let ended = run(&server.address, &["health"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stdout, format!("{} serving\n", server.address));
}

#[tokio::test]
async fn not_serving_is_failure() {
    let server = FakeServer::without_streams();
    server.status.send_replace(ServingStatus::NotServing);
    let ended = run(&server.address, &["health", "--json"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(
        serde_json::from_str::<Value>(&ended.stdout).unwrap(),
        json!({
            "type": "health", "server": server.address, "status": "not_serving",
            "reason": format!("{} is not serving (status not_serving)", server.address),
        })
    );
}

#[tokio::test]
async fn every_server_is_asked() {
    let servers = [FakeServer::without_streams(), FakeServer::without_streams()];
    let port = ReservedPort::new();
    servers[1].status.send_replace(ServingStatus::NotServing);
    let all = format!(
        "{},{},{}",
        servers[0].address,
        servers[1].address,
        port.address()
    );
    let ended = run(&all, &["health", "--connect-timeout", "100ms"]).await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert_eq!(ended.stdout, format!("{} serving\n", servers[0].address));
    for said in [
        format!("error: {} is not serving", servers[1].address),
        format!("error: nothing answers at {}", port.address()),
    ] {
        assert!(ended.stderr.contains(&said), "{said}: {ended:?}");
    }
}

#[tokio::test]
async fn waiting_watches_until_it_serves() {
    let mut server = FakeServer::without_streams();
    server.status.send_replace(ServingStatus::NotServing);
    let program = start(&server.address, &["health", "--wait", "1h"]);
    patiently(server.watches.recv()).await.unwrap();
    server.status.send_replace(ServingStatus::Serving);
    let ended = program.end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(server.watches.try_recv().is_err(), "one watch is enough");
}

#[tokio::test]
async fn waiting_outlasts_a_server_that_is_yet_to_start() {
    let port = ReservedPort::new();
    let program = start(&port.address(), &["health", "--wait", "1h"]);
    let _server = FakeServer::start_on(port, |_| async {});
    let ended = program.end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[tokio::test]
async fn waiting_ends() {
    let port = ReservedPort::new();
    let ended = run(&port.address(), &["health", "--wait", "300ms"]).await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    for said in [
        "is not serving after 300ms (nothing answers at",
        "hint: start one with `ser-server`",
    ] {
        assert!(ended.stderr.contains(said), "{said}: {ended:?}");
    }

    let server = FakeServer::without_streams();
    server.status.send_replace(ServingStatus::NotServing);
    let ended = run(&server.address, &["health", "--wait", "300ms"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("hint: the server's log"), "{ended:?}");
}

#[tokio::test]
async fn programs_are_told_that_nothing_answers() {
    let port = ReservedPort::new();
    let arguments = ["health", "--json", "--connect-timeout", "100ms"];
    let ended = run(&port.address(), &arguments).await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let health: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(health["status"], "unreachable");
    let reason = health["reason"].as_str().unwrap();
    assert!(reason.starts_with("nothing answers at "), "{reason}");
}

#[tokio::test]
async fn what_answers_may_be_no_grpc_server() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let web_server = tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        // An answer before the request would make the client connect anew.
        read_request(&mut connection).await;
        let answer = b"HTTP/1.0 505 HTTP Version Not Supported\r\n\r\n";
        connection.write_all(answer).await.unwrap();
        connection
    });
    let ended = run(&address, &["health"]).await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let said = format!("error: {address} answered with something that is no HTTP/2; expected gRPC");
    assert!(ended.stderr.contains(&said), "{ended:?}");
    drop(patiently(web_server).await.unwrap());
}

/// Reads HTTP/2 up to the first HEADERS frame.
async fn read_request(connection: &mut TcpStream) {
    let mut preface = [0; 24];
    connection.read_exact(&mut preface).await.unwrap();
    loop {
        let mut header = [0; 9];
        connection.read_exact(&mut header).await.unwrap();
        let [high, middle, low, kind, ..] = header;
        let length = u32::from_be_bytes([0, high, middle, low]);
        let mut payload = vec![0; length as usize];
        connection.read_exact(&mut payload).await.unwrap();
        if kind == 1 {
            return;
        }
    }
}
