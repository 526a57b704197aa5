//! What operators reach, and where.

use std::fs;

use ser_proto::{
    admin::v1::ListRepositoryRequest,
    v1::{ListModelsRequest, models_client::ModelsClient},
};
use ser_tests::{
    binaries,
    server::{ServerProcess, until_serving},
};
use tokio_stream::StreamExt;
use tonic::{Code, transport::Channel};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

use crate::support::{Models, Server, admin_url, repository};

const ADMIN: &str = "ser.admin.v1.ModelRepository";

async fn services(channel: &Channel) -> Vec<String> {
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut answers = ServerReflectionClient::new(channel.clone())
        .server_reflection_info(tokio_stream::once(request))
        .await
        .unwrap()
        .into_inner();
    let answer = answers.next().await.unwrap().unwrap().message_response;
    let Some(MessageResponse::ListServicesResponse(list)) = answer else {
        panic!("a list: {answer:?}");
    };
    list.service
        .into_iter()
        .map(|service| service.name)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_listener_has_its_own_services() {
    let server = Server::start().await;
    let refused = repository(&server.channel)
        .list_repository(ListRepositoryRequest {})
        .await;
    assert_eq!(refused.unwrap_err().code(), Code::Unimplemented);
    let models = ModelsClient::new(server.admin.clone())
        .list_models(ListModelsRequest {})
        .await;
    assert_eq!(models.unwrap_err().code(), Code::Unimplemented);

    let (public, admin) = (
        services(&server.channel).await,
        services(&server.admin).await,
    );
    assert!(!public.iter().any(|name| name == ADMIN), "{public:?}");
    assert!(
        public.iter().any(|name| name == "ser.v1.SpeechEmotion"),
        "{public:?}"
    );
    assert!(admin.iter().any(|name| name == ADMIN), "{admin:?}");
    assert!(
        !admin.iter().any(|name| name.starts_with("ser.v1.")),
        "{admin:?}"
    );
    server.process.stop().await;
}

/// The command line's exit code, output and errors.
async fn ser_client(url: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = binaries::command("ser-client");
    command
        .arg("admin")
        .args(arguments)
        .env("SER_CLIENT_ADMIN_SERVER", url);
    let ended = tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (ended.status.code(), text(ended.stdout), text(ended.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_replace_a_model_from_the_command_line() {
    let models = Models::new();
    let ports = tempfile::tempdir().unwrap();
    let port_file = ports.path().join("admin");
    let directory = models.0.path().to_str().unwrap();
    let server = ServerProcess::start(
        &["--models-dir", directory, "--admin-listen", "127.0.0.1:0"],
        &[
            ("SER__ADMIN__PORT_FILE", port_file.to_str().unwrap()),
            ("SER__MODELS__EMBEDDED", "false"),
        ],
    );
    until_serving(server.channel().await).await;
    let url = admin_url(&port_file);
    models.add("2");

    let (code, output, _) = ser_client(&url, &["list"]).await;
    let at = |version: &str| models.path(version).display().to_string();
    let expected = format!(
        "tess-lstm/2  not loaded, 0 open streams  {}\n\
         tess-lstm/1 (default)  serving, 0 open streams  {}\n",
        at("2"),
        at("1"),
    );
    assert_eq!((code, output), (Some(0), expected));

    let (code, output, _) = ser_client(&url, &["load", "tess-lstm/2", "--json"]).await;
    assert_eq!(code, Some(0));
    let expected = serde_json::json!({
        "type": "repository_model", "name": "tess-lstm", "version": "2", "state": "serving",
        "open_streams": 0, "is_default": true, "origin": at("2"),
    });
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&output).unwrap(),
        expected
    );

    let (code, output, _) = ser_client(&url, &["unload", "tess-lstm/1"]).await;
    let expected = format!("tess-lstm/1  not loaded, 0 open streams  {}\n", at("1"));
    assert_eq!((code, output), (Some(0), expected));

    fs::write(models.path("2").join("model.toml"), "format = 7\n").unwrap();
    let (code, output, error) = ser_client(&url, &["reload", "tess-lstm/2"]).await;
    assert_eq!((code, output.as_str()), (Some(4), ""));
    assert!(
        error.contains("model.toml: format: 7; expected 1 (FailedPrecondition)"),
        "{error}"
    );
    assert!(
        error.contains("hint: what was served before goes on"),
        "{error}"
    );
    let (_, output, _) = ser_client(&url, &["list"]).await;
    assert!(
        output.contains("tess-lstm/2 (default)  serving, 0 open streams"),
        "{output}"
    );
    assert!(output.contains("\n  refused  "), "{output}");

    let (code, _, error) = ser_client(&url, &["load", "tess-lstm/9"]).await;
    assert_eq!(code, Some(4));
    assert!(
        error.contains("\"tess-lstm/9\" is not in the repository"),
        "{error}"
    );
    let (code, _, error) = ser_client(&server.url(), &["list"]).await;
    assert_eq!(code, Some(4));
    assert!(error.contains("not of --listen"), "{error}");
}
