//! Directories of packages, and a server with both its listeners.

use std::{
    fs,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use ser_proto::{
    admin::v1::{
        ListRepositoryRequest, LoadModelRequest, ReloadModelRequest, RepositoryModel,
        UnloadModelRequest, model_repository_client::ModelRepositoryClient,
    },
    v1::{Encoding, StreamingConfig},
};
use ser_server::{config::Config, models::BackendRegistry};
use ser_tests::{
    audio,
    server::InProcess,
    stream::{Transcript, config, recognise},
};
use tempfile::TempDir;
use tonic::{
    Status,
    transport::{Channel, Endpoint},
};

pub(crate) const RATE: u32 = 16_000;

/// A directory of packages.
pub(crate) struct Models(pub(crate) TempDir);

impl Models {
    /// With `tess-lstm/1`.
    pub(crate) fn new() -> Self {
        let models = Self(tempfile::tempdir().unwrap());
        models.copy("1");
        models
    }

    pub(crate) fn path(&self, version: &str) -> PathBuf {
        self.0.path().join("tess-lstm").join(version)
    }

    /// The package that ships with the server, in the folder of another version.
    pub(crate) fn copy(&self, folder: &str) -> PathBuf {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tess-lstm/1");
        let copy = self.path(folder);
        fs::create_dir_all(&copy).unwrap();
        for file in ["model.toml", "model.onnx", "golden.json", "MODEL_CARD.md"] {
            fs::copy(shipped.join(file), copy.join(file)).unwrap();
        }
        copy
    }

    /// The same weights as another version.
    pub(crate) fn add(&self, version: &str) -> PathBuf {
        let folder = self.copy(version);
        let manifest = folder.join("model.toml");
        let text = fs::read_to_string(&manifest).unwrap();
        let changed = text.replace("version = \"1\"", &format!("version = \"{version}\""));
        assert_ne!(text, changed);
        fs::write(&manifest, changed).unwrap();
        folder
    }
}

/// A server in this process with both its listeners.
pub(crate) struct Server {
    pub(crate) models: Models,
    pub(crate) process: InProcess,
    pub(crate) channel: Channel,
    pub(crate) admin: Channel,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(BackendRegistry::default()).await
    }

    pub(crate) async fn with(backends: BackendRegistry) -> Self {
        Self::with_deadline(backends, Config::default().admin.deadline).await
    }

    /// A server that gives up on loads after `deadline`.
    pub(crate) async fn with_deadline(backends: BackendRegistry, deadline: Duration) -> Self {
        let models = Models::new();
        let ports = tempfile::tempdir().unwrap();
        let port_file = ports.path().join("admin");
        let mut config = Config::default();
        config.models.embedded = false;
        config.models.directory = Some(models.0.path().to_owned());
        config.admin.listen = Some(([127, 0, 0, 1], 0).into());
        config.admin.port_file = Some(port_file.clone());
        config.admin.deadline = deadline;
        // Its streams all begin at once, as fast as they can.
        config.overload.burst = NonZeroUsize::MAX;
        config.overload.utilisation = 1.0;
        config.overload.lag = Duration::from_secs(3_600);
        let process = InProcess::start(config, backends).await;
        Self {
            channel: process.channel().await,
            admin: connect(&port_file).await,
            process,
            models,
        }
    }

    pub(crate) async fn load(&self, model: &str) -> Result<RepositoryModel, Status> {
        let model = model.to_owned();
        let request = LoadModelRequest { model };
        let answer = repository(&self.admin).load_model(request).await?;
        Ok(answer.into_inner().model.expect("a model"))
    }

    pub(crate) async fn reload(&self, model: &str) -> Result<RepositoryModel, Status> {
        let model = model.to_owned();
        let request = ReloadModelRequest { model };
        let answer = repository(&self.admin).reload_model(request).await?;
        Ok(answer.into_inner().model.expect("a model"))
    }

    pub(crate) async fn unload(&self, model: &str) -> Result<RepositoryModel, Status> {
        let model = model.to_owned();
        let request = UnloadModelRequest { model };
        let answer = repository(&self.admin).unload_model(request).await?;
        Ok(answer.into_inner().model.expect("a model"))
    }

    pub(crate) async fn listed(&self, version: &str) -> RepositoryModel {
        let mut repository = repository(&self.admin);
        let answer = repository.list_repository(ListRepositoryRequest {}).await;
        let models = answer.unwrap().into_inner().models;
        let found = models.into_iter().find(|model| model.version == version);
        found.expect("the version is listed")
    }

    /// A short stream, with the version that it ran on.
    pub(crate) async fn stream(&self, model: Option<&str>) -> (Transcript, Option<String>) {
        let chunks = chunks(&audio::voice(RATE, 1.5, 3));
        let transcript = recognise(self.channel.clone(), stream_config(model), chunks).await;
        let version = version(&transcript);
        (transcript, version)
    }

    /// A short stream must run on this version.
    pub(crate) async fn assert_streams_on(&self, expected: &str) {
        for model in [None, Some("tess-lstm")] {
            let (transcript, version) = self.stream(model).await;
            assert_eq!(transcript.error, None);
            assert_eq!(version.as_deref(), Some(expected), "of {model:?}");
        }
    }
}

pub(crate) fn repository(channel: &Channel) -> ModelRepositoryClient<Channel> {
    ModelRepositoryClient::new(channel.clone())
}

pub(crate) async fn connect(port_file: &Path) -> Channel {
    Endpoint::from_shared(admin_url(port_file))
        .unwrap()
        .connect()
        .await
        .unwrap()
}

pub(crate) fn admin_url(port_file: &Path) -> String {
    let port = fs::read_to_string(port_file).unwrap();
    format!("http://127.0.0.1:{}", port.trim())
}

pub(crate) fn stream_config(model: Option<&str>) -> StreamingConfig {
    let mut config = config(Encoding::S16le, RATE);
    config.options.get_or_insert_default().model = model.map(str::to_owned);
    config
}

pub(crate) fn chunks(samples: &[f32]) -> Vec<Bytes> {
    let bytes = audio::s16le(samples);
    bytes.chunks(3_200).map(Bytes::copy_from_slice).collect()
}

/// What the stream's first response says of its model.
pub(crate) fn version(transcript: &Transcript) -> Option<String> {
    let started = transcript.started.as_ref()?;
    Some(started.model.as_ref()?.version.clone())
}
