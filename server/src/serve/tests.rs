//! A server on a port of its own, with real clients.

use std::{net::SocketAddr, sync::mpsc, time::Duration};

use prost::bytes::Bytes;
use ser_proto::admin::v1::{
    ListRepositoryRequest, LoadModelRequest, ReloadModelRequest, State, UnloadModelRequest,
    model_repository_client::ModelRepositoryClient,
};
use ser_proto::v1::{
    GetModelRequest, ListModelsRequest, RecognizeRequest, RecognizeResponse,
    StreamingRecognizeRequest, StreamingRecognizeResponse, models_client::ModelsClient,
    speech_emotion_client::SpeechEmotionClient, streaming_recognize_request::Request,
    streaming_recognize_response::Response,
};
use tokio::task::JoinHandle;
use tokio_stream::StreamExt;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status, client::Grpc, codegen::http::uri::PathAndQuery, transport::Channel};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

use super::{bind, run};
use crate::{
    Error,
    fixture::{Fixture, babble, bytes},
};

struct Server {
    fixture: Fixture,
    channel: Channel,
    admin: Channel,
    /// Loading waits until this is dropped.
    load: mpsc::Sender<()>,
    stop: CancellationToken,
    ended: JoinHandle<Result<(), Error>>,
}

async fn listener() -> tokio::net::TcpListener {
    bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap()
}

async fn start() -> Server {
    let mut fixture = Fixture::new();
    fixture.config.batcher.call_deadline = Duration::from_millis(500);
    fixture.config.limits.clip_deadline = Duration::from_millis(200);
    let dir = tempfile::TempDir::new().unwrap();
    let port_file = dir.path().join("port");
    fixture.config.admin.listen = Some(([127, 0, 0, 1], 0).into());
    fixture.config.admin.port_file = Some(port_file.clone());
    let listener = listener().await;
    let url = format!("http://{}", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    let (load, backends) = fixture.waiting_backends();
    let stopped = stop.clone().cancelled_owned();
    let ended = tokio::spawn(run(listener, fixture.config.clone(), backends, stopped));
    let channel = Channel::from_shared(url).unwrap().connect().await.unwrap();
    // Both sockets are bound before the first call is answered.
    health(&channel, "").await;
    let port = std::fs::read_to_string(port_file).unwrap();
    let url = format!("http://127.0.0.1:{}", port.trim());
    let admin = Channel::from_shared(url).unwrap().connect().await.unwrap();
    Server {
        fixture,
        channel,
        admin,
        load,
        stop,
        ended,
    }
}

/// A server that is ready.
async fn ready() -> Server {
    let server = start().await;
    let Server { load, .. } = &server;
    for _package in 0..2 {
        load.send(()).unwrap();
    }
    wait_until_ready(&server.channel).await;
    server
}

async fn wait_until_ready(channel: &Channel) {
    wait_until(channel, ServingStatus::Serving).await;
}

async fn wait_until(channel: &Channel, status: ServingStatus) {
    let request = HealthCheckRequest {
        service: String::new(),
    };
    let mut statuses = HealthClient::new(channel.clone())
        .watch(request)
        .await
        .unwrap()
        .into_inner();
    while statuses.next().await.unwrap().unwrap().status() != status {}
}

async fn health(channel: &Channel, service: &str) -> ServingStatus {
    let request = HealthCheckRequest {
        service: service.to_owned(),
    };
    HealthClient::new(channel.clone())
        .check(request)
        .await
        .unwrap()
        .into_inner()
        .status()
}

/// A whole stream; the status is that of its end.
async fn stream(
    channel: &Channel,
    requests: Vec<Request>,
) -> (Vec<StreamingRecognizeResponse>, Option<Status>) {
    let requests: Vec<_> = requests
        .into_iter()
        .map(|request| StreamingRecognizeRequest {
            request: Some(request),
        })
        .collect();
    let answer = SpeechEmotionClient::new(channel.clone())
        .streaming_recognize(tokio_stream::iter(requests))
        .await;
    let mut responses = match answer {
        Ok(responses) => responses.into_inner(),
        Err(status) => return (Vec::new(), Some(status)),
    };
    let mut said = Vec::new();
    loop {
        match responses.next().await {
            Some(Ok(response)) => said.push(response),
            Some(Err(status)) => return (said, Some(status)),
            None => return (said, None),
        }
    }
}

fn requests() -> Vec<Request> {
    let config = ser_proto::v1::StreamingConfig {
        audio: Some(ser_proto::v1::AudioFormat {
            encoding: ser_proto::v1::Encoding::S16le.into(),
            sample_rate: 16_000,
            channels: 1,
        }),
        ..Default::default()
    };
    let speech = Bytes::from(bytes(&babble(16_000, 2.0, 0.2, 1)));
    vec![Request::Config(config), Request::Audio(speech)]
}

#[tokio::test]
async fn nothing_is_served_before_the_models_are_loaded() {
    let server = start().await;
    let services = [
        "",
        "ser.v1.SpeechEmotion",
        "ser.v1.SpeechEmotionClips",
        "ser.v1.Models",
    ];
    for service in services {
        assert_eq!(
            health(&server.channel, service).await,
            ServingStatus::NotServing
        );
    }
    let (said, end) = stream(&server.channel, requests()).await;
    let end = end.unwrap();
    assert!(said.is_empty());
    assert_eq!(
        (end.code(), end.message()),
        (Code::Unavailable, "server: loading models")
    );

    drop(server.load);
    wait_until_ready(&server.channel).await;
    for service in services {
        assert_eq!(
            health(&server.channel, service).await,
            ServingStatus::Serving
        );
    }
    let (said, end) = stream(&server.channel, requests()).await;
    assert!(end.is_none(), "{end:?}");
    assert!(matches!(said[0].response, Some(Response::Started(_))));
    assert!(matches!(
        said.last().unwrap().response,
        Some(Response::Summary(_))
    ));

    server.stop.cancel();
    drop(server.channel);
    server.ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn models_are_listed_and_found() {
    let server = ready().await;
    let mut models = ModelsClient::new(server.channel.clone());
    let listed = models
        .list_models(ListModelsRequest {})
        .await
        .unwrap()
        .into_inner()
        .models;
    let names: Vec<_> = listed
        .iter()
        .map(|model| (model.name.as_str(), model.is_default))
        .collect();
    assert_eq!(names, [("double", true), ("memory", false)]);
    assert!(listed[0].window.is_some() && listed[1].window.is_none());
    let mut get = async |model: &str| {
        let request = GetModelRequest {
            model: model.to_owned(),
        };
        models
            .get_model(request)
            .await
            .map(|response| response.into_inner().model.unwrap())
    };
    assert_eq!(get("").await.unwrap(), listed[0]);
    assert_eq!(get("memory/1").await.unwrap(), listed[1]);
    let error = get("A b").await.unwrap_err();
    let message = "model: \"A b\"; expected name or name/version, of [a-z0-9][a-z0-9._-]*";
    assert_eq!(
        (error.code(), error.message()),
        (Code::InvalidArgument, message)
    );
    let error = get("double/9").await.unwrap_err();
    let message = "model: \"double/9\" is not served; expected one of double/1, memory/1";
    assert_eq!((error.code(), error.message()), (Code::NotFound, message));
}

#[tokio::test]
async fn a_message_beyond_the_limit_ends_its_stream_alone() {
    let server = ready().await;
    let mut too_large = requests();
    too_large.push(Request::Audio(vec![0; 300_000].into()));
    let (said, end) = stream(&server.channel, too_large).await;
    assert_eq!(end.unwrap().code(), Code::OutOfRange);
    let results = said
        .iter()
        .filter(|response| matches!(response.response, Some(Response::Result(_))))
        .count();
    // Windows end at 0.6, 0.8, … 2.0 s.
    assert_eq!(results, 8);
    let (_, end) = stream(&server.channel, requests()).await;
    assert!(end.is_none(), "{end:?}");
}

#[tokio::test]
async fn a_clip_that_never_comes_is_not_waited_for_forever() {
    let server = ready().await;
    let mut clips = Grpc::new(server.channel.clone());
    clips.ready().await.unwrap();
    let nothing = tonic::Request::new(tokio_stream::pending::<RecognizeRequest>());
    let path = PathAndQuery::from_static("/ser.v1.SpeechEmotionClips/Recognize");
    let codec = tonic_prost::ProstCodec::<RecognizeRequest, RecognizeResponse>::default();
    let error = clips
        .client_streaming(nothing, path, codec)
        .await
        .unwrap_err();
    let message = "clip: unfinished for 0.2s; expected a shorter clip or a faster upload";
    assert_eq!(
        (error.code(), error.message()),
        (Code::DeadlineExceeded, message)
    );
}

#[tokio::test]
async fn the_services_describe_themselves() {
    let server = ready().await;
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut answers = ServerReflectionClient::new(server.channel.clone())
        .server_reflection_info(tokio_stream::once(request))
        .await
        .unwrap()
        .into_inner();
    let answer = answers
        .next()
        .await
        .unwrap()
        .unwrap()
        .message_response
        .unwrap();
    let MessageResponse::ListServicesResponse(listed) = answer else {
        panic!("{answer:?}; expected the services")
    };
    let names: Vec<_> = listed
        .service
        .into_iter()
        .map(|service| service.name)
        .collect();
    for name in [
        "ser.v1.SpeechEmotion",
        "ser.v1.SpeechEmotionClips",
        "ser.v1.Models",
    ] {
        assert!(names.iter().any(|listed| listed == name), "{names:?}");
    }
}

#[tokio::test]
async fn a_model_that_hangs_turns_readiness_until_it_is_replaced() {
    let server = ready().await;
    let hang = &server.fixture.backend.hang_loud;
    hang.store(true, std::sync::atomic::Ordering::Relaxed);
    let mut loud = requests();
    loud[1] = Request::Audio(bytes(&babble(16_000, 2.0, 1.0, 1)).into());
    let (_, end) = stream(&server.channel, loud.clone()).await;
    assert_eq!(end.unwrap().code(), Code::Unavailable);
    wait_until(&server.channel, ServingStatus::NotServing).await;

    hang.store(false, std::sync::atomic::Ordering::Relaxed);
    server.load.send(()).unwrap();
    let request = ReloadModelRequest {
        model: "double/1".to_owned(),
    };
    let reloaded = ModelRepositoryClient::new(server.admin.clone())
        .reload_model(request)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(reloaded.model.unwrap().state(), State::Serving);
    wait_until_ready(&server.channel).await;
    let (_, end) = stream(&server.channel, loud).await;
    assert!(end.is_none(), "{end:?}");
}

#[tokio::test]
async fn a_server_without_models_is_not_ready() {
    let server = ready().await;
    let mut admin = ModelRepositoryClient::new(server.admin.clone());
    for model in ["double/1", "memory/1"] {
        let model = model.to_owned();
        admin
            .unload_model(UnloadModelRequest { model })
            .await
            .unwrap();
    }
    wait_until(&server.channel, ServingStatus::NotServing).await;
    let (_, end) = stream(&server.channel, requests()).await;
    let end = end.unwrap();
    let message = "config.options.model: none given, and the default \"double\" is not served; \
                   expected none, there are no models";
    assert_eq!(
        (end.code(), end.message()),
        (Code::FailedPrecondition, message)
    );

    server.load.send(()).unwrap();
    let model = "memory/1".to_owned();
    admin.load_model(LoadModelRequest { model }).await.unwrap();
    wait_until_ready(&server.channel).await;
}

#[tokio::test]
async fn operators_are_told_that_models_are_loading() {
    let server = start().await;
    let model = "double/1".to_owned();
    let error = ModelRepositoryClient::new(server.admin.clone())
        .unload_model(UnloadModelRequest { model })
        .await
        .unwrap_err();
    assert_eq!(
        (error.code(), error.message()),
        (Code::Unavailable, "server: loading models")
    );
}

#[tokio::test]
async fn a_load_does_not_hold_up_the_end() {
    let server = ready().await;
    let mut admin = ModelRepositoryClient::new(server.admin.clone());
    let mut reload = std::pin::pin!(admin.reload_model(ReloadModelRequest {
        model: "double/1".to_owned(),
    }));
    let mut watching = ModelRepositoryClient::new(server.admin.clone());
    // Once this is answered, the call before it has arrived.
    tokio::select! {
        biased;
        ended = &mut reload => panic!("{ended:?}"),
        listed = watching.list_repository(ListRepositoryRequest {}) => drop(listed.unwrap()),
    }
    server.stop.cancel();
    let error = reload.await.unwrap_err();
    assert_eq!(
        (error.code(), error.message()),
        (Code::Unavailable, "server: shutting down")
    );
    // So that the runtime has nothing left to wait for.
    drop(server.load);
    drop((server.channel, server.admin));
    server.ended.await.unwrap().unwrap();
}

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
        stopped,
    )
    .await
    .unwrap();
    assert_eq!(std::fs::read_to_string(path).unwrap(), format!("{port}\n"));
}
