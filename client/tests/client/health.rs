//! `ser-client health`.

use serde_json::{Value, json};
use tonic_health::pb::health_check_response::ServingStatus;

use crate::support::{
    fake::{FakeServer, ReservedPort},
    program::{Program, patiently, run},
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
        json!({"type": "health", "server": server.address, "status": "not_serving"})
    );
}

#[tokio::test]
async fn waiting_watches_until_it_serves() {
    let mut server = FakeServer::without_streams();
    server.status.send_replace(ServingStatus::NotServing);
    let program = Program::start(&server.address, &["health", "--wait", "1h"]);
    patiently(server.watches.recv()).await.unwrap();
    server.status.send_replace(ServingStatus::Serving);
    let ended = program.end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(server.watches.try_recv().is_err(), "one watch is enough");
}

#[tokio::test]
async fn waiting_outlasts_a_server_that_is_yet_to_start() {
    let port = ReservedPort::new();
    let program = Program::start(&port.address(), &["health", "--wait", "1h"]);
    let _server = FakeServer::start_on(port, |_| async {});
    let ended = program.end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[tokio::test]
async fn waiting_ends() {
    let port = ReservedPort::new();
    let ended = run(&port.address(), &["health", "--wait", "300ms"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended
            .stderr
            .contains("is not serving after 300ms (nothing answers at"),
        "{ended:?}"
    );
}
