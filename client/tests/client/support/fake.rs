//! A server that speaks the protocol and says what a test tells it to.

use std::{future::pending, net::SocketAddr, pin::Pin, sync::Arc};

use bytes::Bytes;
use futures_util::stream::unfold;
use ser_client::admin_proto::{
    GetLogLevelRequest, GetLogLevelResponse, ListRepositoryRequest, ListRepositoryResponse,
    LoadModelRequest, LoadModelResponse, LogLevel, ReloadModelRequest, ReloadModelResponse,
    RepositoryModel, SetLogLevelRequest, SetLogLevelResponse, State, UnloadModelRequest,
    UnloadModelResponse,
    logging_server::{Logging, LoggingServer},
    model_repository_server::{ModelRepository, ModelRepositoryServer},
};
use ser_client::proto::{
    GetModelRequest, GetModelResponse, ListModelsRequest, ListModelsResponse, Model,
    StreamingConfig, StreamingRecognizeRequest, StreamingRecognizeResponse,
    models_server::{Models, ModelsServer},
    speech_emotion_server::{SpeechEmotion, SpeechEmotionServer},
    streaming_recognize_request::Request as Part,
    streaming_recognize_response::Response as Said,
};
use tokio::{
    net::{TcpListener, TcpSocket},
    runtime::Runtime,
    sync::{mpsc, oneshot, watch},
};
use tokio_stream::{
    Stream, StreamExt,
    wrappers::{TcpListenerStream, WatchStream},
};
use tonic::{Request, Response, Status, Streaming, transport::Server};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse,
    health_check_response::ServingStatus,
    health_server::{Health, HealthServer},
};

use super::messages;

/// A port where nobody listens, and nobody else can.
pub(crate) struct ReservedPort(TcpSocket);

impl ReservedPort {
    pub(crate) fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        Self(socket)
    }

    pub(crate) fn address(&self) -> String {
        format!("http://{}", self.0.local_addr().unwrap())
    }
}

/// Runs until it is dropped, which cuts every connection off.
pub(crate) struct FakeServer {
    pub(crate) address: String,
    pub(crate) status: watch::Sender<ServingStatus>,
    /// Gives one for each health watch that was opened.
    pub(crate) watches: mpsc::UnboundedReceiver<()>,
    runtime: Option<Runtime>,
}

impl FakeServer {
    /// Answers each stream with `script`.
    pub(crate) fn start<F, Fut>(script: F) -> Self
    where
        F: Fn(Call) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Self::start_on(ReservedPort::new(), script)
    }

    /// Has no streams, but models and health.
    pub(crate) fn without_streams() -> Self {
        Self::start(|_| async {})
    }

    /// Has no streams and no models.
    pub(crate) fn without_models() -> Self {
        Self::serving(Vec::new(), ReservedPort::new(), |_| async {})
    }

    pub(crate) fn start_on<F, Fut>(port: ReservedPort, script: F) -> Self
    where
        F: Fn(Call) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let second = Model {
            name: "other".to_owned(),
            is_default: false,
            ..messages::model()
        };
        Self::serving(vec![messages::model(), second], port, script)
    }

    fn serving<F, Fut>(models: Vec<Model>, port: ReservedPort, script: F) -> Self
    where
        F: Fn(Call) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let address = port.address();
        let listener = port.0.listen(16).unwrap();
        let (status, reported) = watch::channel(ServingStatus::Serving);
        let (opened, watches) = mpsc::unbounded_channel();
        let script: Arc<Script> = Arc::new(move |call| Box::pin(script(call)));
        let runtime = Runtime::new().unwrap();
        runtime.spawn(serve(
            listener.into_std().unwrap(),
            models,
            script,
            reported,
            opened,
        ));
        Self {
            address,
            status,
            watches,
            runtime: Some(runtime),
        }
    }
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn serve(
    listener: std::net::TcpListener,
    models: Vec<Model>,
    script: Arc<Script>,
    status: watch::Receiver<ServingStatus>,
    watches: mpsc::UnboundedSender<()>,
) {
    let listener = TcpListener::from_std(listener).unwrap();
    Server::builder()
        .add_service(SpeechEmotionServer::new(FakeSpeechEmotion(script)))
        .add_service(ModelsServer::new(FakeModels(models)))
        .add_service(ModelRepositoryServer::new(FakeRepository))
        .add_service(LoggingServer::new(FakeLogging))
        .add_service(HealthServer::new(FakeHealth { status, watches }))
        .serve_with_incoming(TcpListenerStream::new(listener))
        .await
        .unwrap();
}

/// What a stream is sent.
type Outcome = Result<StreamingRecognizeResponse, Status>;

type Script = dyn Fn(Call) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync;

/// One stream, as a script sees it. It ends with OK when the script does.
pub(crate) struct Call {
    /// The other end of the connection.
    pub(crate) client: SocketAddr,
    requests: Streaming<StreamingRecognizeRequest>,
    responses: mpsc::Sender<Outcome>,
}

impl Call {
    /// The first request.
    pub(crate) async fn config(&mut self) -> StreamingConfig {
        match self.requests.message().await.unwrap().unwrap().request {
            Some(Part::Config(config)) => config,
            other => panic!("{other:?}"),
        }
    }

    /// Reads the config and accepts it.
    pub(crate) async fn accept(&mut self) -> StreamingConfig {
        let config = self.config().await;
        self.send(Said::Started(messages::started(config.clone())))
            .await;
        config
    }

    /// The next request after the config, or `None` at the half-close, or if the client is
    /// gone.
    pub(crate) async fn request(&mut self) -> Option<Part> {
        self.requests.message().await.ok()??.request
    }

    /// The next audio, or `None` at the half-close, or if the client is gone.
    pub(crate) async fn audio(&mut self) -> Option<Bytes> {
        match self.request().await? {
            Part::Audio(audio) => Some(audio),
            other => panic!("{other:?}"),
        }
    }

    /// All audio until the half-close.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        while let Some(audio) = self.audio().await {
            all.extend_from_slice(&audio);
        }
        all
    }

    pub(crate) async fn send(&self, said: Said) {
        let response = StreamingRecognizeResponse {
            response: Some(said),
        };
        // A client that has gone hears nothing.
        let _ = self.responses.send(Ok(response)).await;
    }

    /// Whether the client is still there.
    pub(crate) fn is_open(&self) -> bool {
        !self.responses.is_closed()
    }

    pub(crate) async fn fail(self, status: Status) {
        let _ = self.responses.send(Err(status)).await;
    }
}

struct FakeSpeechEmotion(Arc<Script>);

#[tonic::async_trait]
impl SpeechEmotion for FakeSpeechEmotion {
    type StreamingRecognizeStream = Pin<Box<dyn Stream<Item = Outcome> + Send>>;

    async fn streaming_recognize(
        &self,
        request: Request<Streaming<StreamingRecognizeRequest>>,
    ) -> Result<Response<Self::StreamingRecognizeStream>, Status> {
        let (responses, queue) = mpsc::channel(8);
        let (ended, end) = oneshot::channel();
        let script = (self.0)(Call {
            client: request.remote_addr().unwrap(),
            requests: request.into_inner(),
            responses,
        });
        tokio::spawn(async {
            script.await;
            let _ = ended.send(());
        });
        Ok(Response::new(Box::pin(responses_of(queue, end))))
    }
}

/// What a script says, and then OK. One that is cut off with its server says nothing more.
fn responses_of(
    queue: mpsc::Receiver<Outcome>,
    end: oneshot::Receiver<()>,
) -> impl Stream<Item = Outcome> {
    unfold((queue, end), |(mut queue, end)| async {
        if let Some(said) = queue.recv().await {
            return Some((said, (queue, end)));
        }
        if end.await.is_err() {
            pending::<()>().await;
        }
        None
    })
}

struct FakeModels(Vec<Model>);

#[tonic::async_trait]
impl Models for FakeModels {
    async fn list_models(
        &self,
        _: Request<ListModelsRequest>,
    ) -> Result<Response<ListModelsResponse>, Status> {
        let models = self.0.clone();
        Ok(Response::new(ListModelsResponse { models }))
    }

    async fn get_model(
        &self,
        request: Request<GetModelRequest>,
    ) -> Result<Response<GetModelResponse>, Status> {
        match request.into_inner().model.as_str() {
            "" | "tess-lstm" => Ok(Response::new(GetModelResponse {
                model: Some(messages::model()),
            })),
            other => Err(Status::not_found(format!(
                "model: {other:?} is not served; expected one of tess-lstm/1"
            ))),
        }
    }
}

/// Serves version 1, has refused version 2, and never ends loading version 3.
struct FakeRepository;

impl FakeRepository {
    fn model(version: &str, state: State) -> RepositoryModel {
        let refused = state == State::Refused;
        RepositoryModel {
            name: "tess-lstm".to_owned(),
            version: version.to_owned(),
            state: state.into(),
            refusal: if refused {
                "no\u{1b}[2J labels".to_owned()
            } else {
                String::new()
            },
            open_streams: u32::from(!refused),
            is_default: !refused,
            origin: format!("/models/tess-lstm/{version}"),
        }
    }
}

#[tonic::async_trait]
impl ModelRepository for FakeRepository {
    async fn list_repository(
        &self,
        _: Request<ListRepositoryRequest>,
    ) -> Result<Response<ListRepositoryResponse>, Status> {
        Ok(Response::new(ListRepositoryResponse {
            models: vec![
                Self::model("2", State::Refused),
                Self::model("1", State::Serving),
            ],
        }))
    }

    async fn load_model(
        &self,
        request: Request<LoadModelRequest>,
    ) -> Result<Response<LoadModelResponse>, Status> {
        match request.into_inner().model.as_str() {
            "tess-lstm/1" => Ok(Response::new(LoadModelResponse {
                model: Some(Self::model("1", State::Serving)),
            })),
            "tess-lstm/3" => std::future::pending().await,
            other => Err(Status::failed_precondition(format!(
                "model {other}: refused: no labels"
            ))),
        }
    }

    async fn reload_model(
        &self,
        _: Request<ReloadModelRequest>,
    ) -> Result<Response<ReloadModelResponse>, Status> {
        Ok(Response::new(ReloadModelResponse { model: None }))
    }

    async fn unload_model(
        &self,
        _: Request<UnloadModelRequest>,
    ) -> Result<Response<UnloadModelResponse>, Status> {
        Ok(Response::new(UnloadModelResponse {
            model: Some(Self::model("1", State::NotLoaded)),
        }))
    }
}

struct FakeHealth {
    status: watch::Receiver<ServingStatus>,
    watches: mpsc::UnboundedSender<()>,
}

#[tonic::async_trait]
impl Health for FakeHealth {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn check(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let status = (*self.status.borrow()).into();
        Ok(Response::new(HealthCheckResponse { status }))
    }

    async fn watch(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let _ = self.watches.send(());
        let changes = WatchStream::new(self.status.clone());
        let changes = changes.map(|status| {
            Ok(HealthCheckResponse {
                status: status.into(),
            })
        });
        Ok(Response::new(Box::pin(changes)))
    }
}

struct FakeLogging;

#[tonic::async_trait]
impl Logging for FakeLogging {
    async fn get_log_level(
        &self,
        _: Request<GetLogLevelRequest>,
    ) -> Result<Response<GetLogLevelResponse>, Status> {
        let level = Some(LogLevel {
            level: "debug".to_owned(),
            configured: "info".to_owned(),
            reverts_in: None,
        });
        Ok(Response::new(GetLogLevelResponse { level }))
    }

    /// Says what it was asked for, unless that is "loud".
    async fn set_log_level(
        &self,
        request: Request<SetLogLevelRequest>,
    ) -> Result<Response<SetLogLevelResponse>, Status> {
        let SetLogLevelRequest { level, lasts } = request.into_inner();
        if level == "loud" {
            let refused = "level: \"loud\"; expected off, error, warn, info, debug or trace";
            return Err(Status::invalid_argument(refused));
        }
        let level = Some(LogLevel {
            level: if level.is_empty() {
                "info".to_owned()
            } else {
                level
            },
            configured: "info".to_owned(),
            reverts_in: lasts,
        });
        Ok(Response::new(SetLogLevelResponse { level }))
    }
}
