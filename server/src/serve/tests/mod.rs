//! A server on a port of its own, with real clients.

mod readiness;
mod services;
mod start;

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
    telemetry::Telemetry,
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
    let ended = tokio::spawn(run(
        listener,
        fixture.config.clone(),
        backends,
        Telemetry::for_prometheus(),
        stopped,
    ));
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
