//! The door to this crate for the fuzz targets, open only with the feature `fuzzing`.
//!
//! Everything here is private elsewhere. It is for `fuzz/` alone, and changes with it.

use std::{collections::BTreeMap, pin::Pin, sync::Arc, time::Duration};

use ser_backend::{Backend, ModelPackage};
use ser_proto::{
    inference::{ModelInferRequest, ModelInferResponse},
    v1,
};
use tokio_stream::Stream;
use tonic::Status;

use crate::{
    Error,
    admission::Caller,
    auth::TokenFile,
    config::{self, Config, LimitsConfig, Problem, Settings},
    context::Context,
    models::{self, BackendRegistry, ModelRegistry, Repository},
    services,
    session::{self, Account, Recognizer},
    shutdown::Shutdown,
    telemetry::Telemetry,
};

/// Reads the text of a configuration file, and environment variables over it.
///
/// # Errors
///
/// Everything that is wrong with them.
pub fn settings(
    file: &str,
    variables: &BTreeMap<String, String>,
) -> Result<Settings, Vec<Problem>> {
    config::parse(file, variables)
}

/// Reads the text of a file of tokens, and looks for the owner of `token` in it.
///
/// # Errors
///
/// What is wrong with the file; [`Error::Unauthenticated`] of the token.
pub fn token_owner(file: &str, token: &str) -> Result<String, Error> {
    let source = TokenFile {
        key: "auth.tokens",
        listener: "server",
        path: "tokens.toml".into(),
    };
    let now = std::time::UNIX_EPOCH + Duration::from_secs(1 << 31);
    let tokens = source.parse(file)?;
    tokens.find(token, now).map(ToString::to_string)
}

/// Loads a package on a backend, and replays its golden rows and audio.
///
/// # Errors
///
/// Why it can't be served.
pub fn load(package: &ModelPackage, backend: &dyn Backend) -> Result<(), Error> {
    models::prove(package, backend)
}

/// A server's models, without a transport.
#[derive(Debug)]
pub struct Server {
    config: Config,
    models: Arc<Repository>,
    telemetry: Telemetry,
}

impl Server {
    /// Serves what `config` names on these backends.
    ///
    /// # Errors
    ///
    /// When it can't be served.
    pub fn start(config: Config, backends: BackendRegistry) -> Result<Self, Error> {
        let telemetry = Telemetry::without_logs(&config)?;
        let metrics = Arc::clone(telemetry.metrics());
        let models = Repository::open(config.clone(), backends, metrics)?;
        Ok(Self {
            config,
            models: Arc::new(models),
            telemetry,
        })
    }

    /// What is served.
    #[must_use]
    pub fn models(&self) -> &ModelRegistry {
        self.models.registry()
    }

    /// The server as it is when it has just started, with other limits.
    #[must_use]
    pub fn sessions(&self, limits: LimitsConfig) -> Sessions {
        let config = Config {
            limits,
            ..self.config.clone()
        };
        let (shutdown, drain) = Shutdown::new();
        let context = Context::new(&config, drain, &self.telemetry);
        context.serve(Arc::clone(&self.models));
        Sessions {
            context: Arc::new(context),
            shutdown,
        }
    }
}

/// What a stream answers.
pub type Responses =
    Pin<Box<dyn Stream<Item = Result<v1::StreamingRecognizeResponse, Status>> + Send>>;

/// Streams and other calls of one server, and its end.
#[derive(Debug)]
pub struct Sessions {
    context: Arc<Context>,
    shutdown: Shutdown,
}

impl Sessions {
    /// Opens a stream, which is a task of the tokio runtime that this is called on.
    /// Dropping what it answers ends it.
    ///
    /// # Errors
    ///
    /// What it may be refused for before its first request.
    pub fn open(
        &self,
        requests: impl Stream<Item = Result<v1::StreamingRecognizeRequest, Status>>
        + Send
        + Unpin
        + 'static,
    ) -> Result<Responses, Error> {
        let context = Arc::clone(&self.context);
        let responses = session::open(context, Caller::default(), None, requests)?;
        Ok(Box::pin(responses))
    }

    /// What a stream with this config says before it has heard anything: its first
    /// response, and the summaries that its last would be.
    ///
    /// # Errors
    ///
    /// What is wrong with the config.
    pub fn accept(
        &self,
        config: v1::StreamingConfig,
    ) -> Result<(v1::StreamStarted, Vec<v1::StreamSummary>), Error> {
        let caller = Caller::default();
        let account = Account::new(&self.context, &caller.principal, None);
        let recognition = session::accept(&self.context, config)?;
        let started = session::started_message(&recognition, String::new());
        let recognizer = Recognizer::new(recognition, "audio", account)?;
        Ok((started, recognizer.into_summaries()))
    }

    /// Recognises a recording.
    ///
    /// # Errors
    ///
    /// Everything that can become of one.
    pub async fn recognize(
        &self,
        request: v1::RecognizeRequest,
    ) -> Result<v1::RecognizeResponse, Error> {
        let context = Arc::clone(&self.context);
        let permit = context.admission.clip(&Caller::default())?;
        session::recognize_clip(context, permit, None, request).await
    }

    /// Answers `ModelInfer` of the Open Inference Protocol.
    ///
    /// # Errors
    ///
    /// Everything that can become of one.
    pub async fn infer(&self, request: ModelInferRequest) -> Result<ModelInferResponse, Error> {
        services::infer(&self.context, request).await
    }

    /// Begins to stop, and gives the streams this long.
    pub fn drain(&self, time: Duration) {
        self.shutdown.begin(time);
    }

    /// Places that are taken, and tasks that a stopping server would wait for.
    #[must_use]
    pub fn in_use(&self) -> usize {
        self.context.admission.open() + self.shutdown.open_work()
    }
}
