//! How a server starts, or says why it can't.

use super::*;

#[tokio::test]
async fn a_broken_package_is_named() {
    let fixture = Fixture::new();
    let manifest = fixture
        .config
        .models
        .directory
        .as_ref()
        .unwrap()
        .join("double/1/model.toml");
    std::fs::write(&manifest, "format = 7\n").unwrap();
    let error = run(
        listener().await,
        fixture.config.clone(),
        fixture.backends(),
        Telemetry::for_prometheus(),
        std::future::pending(),
    )
    .await
    .unwrap_err();
    assert!(error.to_string().contains("double/1/model.toml"), "{error}");
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let taken = listener().await;
    let address = taken.local_addr().unwrap();
    let error = bind(address).await.unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("can't listen on {address}: ")),
        "{error}"
    );
    assert!(error.ends_with("choose another --listen"), "{error}");
}

#[tokio::test]
async fn the_port_is_written_to_a_file() {
    let mut fixture = Fixture::new();
    let dir = tempfile::TempDir::new().unwrap();
    let path = dir.path().join("port");
    fixture.config.server.port_file = Some(path.clone());
    let listener = listener().await;
    let port = listener.local_addr().unwrap().port();
    let stopped = std::future::ready(());
    run(
        listener,
        fixture.config.clone(),
        fixture.backends(),
        Telemetry::for_prometheus(),
        stopped,
    )
    .await
    .unwrap();
    assert_eq!(std::fs::read_to_string(path).unwrap(), format!("{port}\n"));
}
