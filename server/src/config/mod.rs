//! The configuration: plain structs with their defaults, and nothing that
//! reads them from anywhere (that is [`load()`]).

pub(crate) mod address;
mod duration;
mod list;
mod load;
mod settings;
#[cfg(test)]
mod tests;
mod variables;

use std::{
    collections::BTreeMap, net::SocketAddr, num::NonZeroUsize, path::PathBuf, time::Duration,
};

use serde::{Deserialize, Serialize};
use toml::Table;

pub use load::{Overrides, load};
pub use variables::misspelt_variables;

/// A configuration file with every key, its default and what it is for.
pub const EXAMPLE: &str = include_str!("../../ser-server.example.toml");

/// Everything that an operator can set.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[server]`: where and how to listen.
    pub server: ServerConfig,
    /// `[limits]`: what one client may ask for.
    pub limits: LimitsConfig,
    /// `[batcher]`: how rows of all streams become batches.
    pub batcher: BatcherConfig,
    /// `[models]`: what is served, and on what.
    pub models: ModelsConfig,
    /// `[admin]`: where operators load and unload models.
    pub admin: AdminConfig,
    /// `[plugins]`: further backends by the name that `models.backend` gives
    /// them, each the path of a shared library. Default: none.
    pub plugins: BTreeMap<String, PathBuf>,
    /// `[log]`: what is written to standard error.
    pub log: LogConfig,
}

/// `[server]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// The address to listen on; port 0 takes a free one. Default:
    /// `127.0.0.1:50051`, this machine alone, since there is neither encryption
    /// nor authentication here.
    #[serde(deserialize_with = "address::deserialize")]
    pub listen: SocketAddr,
    /// A file that the bound port is written to, in decimal. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_file: Option<PathBuf>,
    /// HTTP/2 streams that one connection may have open. Default: 1024.
    pub streams_per_connection: u32,
    /// A connection without traffic is asked whether it still lives after this
    /// long. Default: 30 s.
    #[serde(with = "duration")]
    pub keepalive_interval: Duration,
    /// A connection that doesn't answer that for so long is closed. Default:
    /// 20 s.
    #[serde(with = "duration")]
    pub keepalive_timeout: Duration,
    /// How long open streams may go on when the server stops. Default: 20 s.
    #[serde(with = "duration")]
    pub drain: Duration,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 50051)),
            port_file: None,
            streams_per_connection: 1024,
            keepalive_interval: Duration::from_secs(30),
            keepalive_timeout: Duration::from_secs(20),
            drain: Duration::from_secs(20),
        }
    }
}

/// `[limits]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// How long a stream may take to send its config. Default: 10 s.
    #[serde(with = "duration")]
    pub first_message: Duration,
    /// How long a stream may send nothing, or leave its responses unread.
    /// Default: 30 s.
    #[serde(with = "duration")]
    pub idle: Duration,
    /// Bytes of audio in one request, at most 262,000: a message has 256 KiB.
    /// Default: 131072 (128 KiB).
    pub chunk_bytes: usize,
    /// Streams open at once; each channel that is classified separately counts
    /// as one. Default: 10000.
    pub open_streams: NonZeroUsize,
    /// Clips received or recognised at once. Each takes memory for its request
    /// of at most 16 MiB, 3 MiB of decoded audio, and its results. Default: 8.
    pub open_clips: NonZeroUsize,
    /// The longest clip, as far as it fits into a request: 16 MiB hold 524 s of
    /// 16-bit PCM at 16 kHz, one channel. Default: 600 s.
    #[serde(with = "duration")]
    pub clip_duration: Duration,
    /// How long a clip may take from the start of its request to its response.
    /// Default: 2 min.
    #[serde(with = "duration")]
    pub clip_deadline: Duration,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        const OPEN_STREAMS: NonZeroUsize = NonZeroUsize::new(10_000).expect("not zero");
        const OPEN_CLIPS: NonZeroUsize = NonZeroUsize::new(8).expect("not zero");
        Self {
            first_message: Duration::from_secs(10),
            idle: Duration::from_secs(30),
            chunk_bytes: 128 << 10,
            open_streams: OPEN_STREAMS,
            open_clips: OPEN_CLIPS,
            clip_duration: Duration::from_secs(600),
            clip_deadline: Duration::from_secs(120),
        }
    }
}

/// `[batcher]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct BatcherConfig {
    /// How long a row may wait for company. Default: 2 ms.
    #[serde(with = "duration")]
    pub max_wait: Duration,
    /// Rows that may wait for a model. Default: 4096.
    pub queue_rows: NonZeroUsize,
    /// A call that takes longer fails the model. Default: 5 s.
    #[serde(with = "duration")]
    pub call_deadline: Duration,
}

impl Default for BatcherConfig {
    fn default() -> Self {
        const QUEUE_ROWS: NonZeroUsize = NonZeroUsize::new(4096).expect("not zero");
        Self {
            max_wait: Duration::from_millis(2),
            queue_rows: QUEUE_ROWS,
            call_deadline: Duration::from_secs(5),
        }
    }
}

/// `[models]`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelsConfig {
    /// The model of requests that name none: `name`, meaning the newest version
    /// that is served, or `name/version`. Default: the name of the first of
    /// `packages`, else of the first in `directory` by name, else of the embedded
    /// one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// Whether the package inside the binary is served too. Default: true.
    pub embedded: bool,
    /// A directory whose packages, `<name>/<version>/`, are all served, and in
    /// which the admin service looks for more. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory: Option<PathBuf>,
    /// The backend of every package that names none. Default: `burn`.
    pub backend: String,
    /// The execution providers, the preferred one first, of every package that
    /// names none; in a variable, separated by commas. Default: `["cpu"]`.
    #[serde(deserialize_with = "list::deserialize")]
    pub execution_providers: Vec<String>,
    /// Threads that run each model that says nothing else. Default: one a core,
    /// or one on a device such as a GPU.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instances: Option<NonZeroUsize>,
    /// `[models.settings.<backend>]`: a backend's own settings, as its
    /// documentation lists them. Default: none.
    pub settings: BTreeMap<String, Table>,
    /// `[[models.packages]]`: further packages, or those in `directory` that need
    /// options of their own. Default: none.
    pub packages: Vec<PackageConfig>,
}

impl Default for ModelsConfig {
    fn default() -> Self {
        Self {
            default: None,
            embedded: true,
            directory: None,
            backend: "burn".to_owned(),
            execution_providers: vec!["cpu".to_owned()],
            instances: None,
            settings: BTreeMap::new(),
            packages: Vec::new(),
        }
    }
}

/// One of `[[models.packages]]`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PackageConfig {
    /// The package's directory.
    pub path: PathBuf,
    /// Default: that of `[models]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<String>,
    /// Default: those of `[models]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_providers: Option<Vec<String>>,
    /// Default: that of `[models]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instances: Option<NonZeroUsize>,
    /// `[models.packages.settings]`: the backend's own settings, each over the
    /// one of `[models.settings.<backend>]`, in tables too. Default: none.
    #[serde(default, skip_serializing_if = "Table::is_empty")]
    pub settings: Table,
}

impl PackageConfig {
    /// The package in a directory, with the settings of `[models]`.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            backend: None,
            execution_providers: None,
            instances: None,
            settings: Table::new(),
        }
    }
}

/// `[admin]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdminConfig {
    /// The address of the admin service, which has a listener of its own; port 0
    /// takes a free one. Default: none, there is no admin service, since anybody
    /// who reaches it may take models away.
    #[serde(
        deserialize_with = "address::deserialize",
        skip_serializing_if = "Option::is_none"
    )]
    pub listen: Option<SocketAddr>,
    /// A file that the bound port is written to, in decimal. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_file: Option<PathBuf>,
    /// Whether `listen` may be reached from other machines. Default: false.
    pub allow_remote: bool,
    /// How long a call waits for its turn, and then for a model to be loaded. One
    /// that takes longer is refused. Default: 5 min.
    #[serde(with = "duration")]
    pub deadline: Duration,
}

impl Default for AdminConfig {
    fn default() -> Self {
        Self {
            listen: None,
            port_file: None,
            allow_remote: false,
            deadline: Duration::from_secs(300),
        }
    }
}

/// `[log]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// Default: pretty.
    pub format: LogFormat,
    /// What is logged, in the syntax of `tracing_subscriber::EnvFilter`, for
    /// instance `info` or `warn,ser_server=debug`, but that a target always has its
    /// level. Default: `info`.
    pub level: String,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            format: LogFormat::default(),
            level: "info".to_owned(),
        }
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One line of text an event, for people.
    #[default]
    Pretty,
    /// One JSON object an event, for machines.
    Json,
}
