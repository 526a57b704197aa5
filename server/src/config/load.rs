//! Reading the configuration: defaults, then a TOML file, then the environment,
//! then flags; each layer wins over those before it.

use std::{
    collections::HashMap,
    env, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use ::config::{ConfigError, Environment, File, FileFormat, FileSourceString};

use super::{Config, LogFormat, Problem, TlsKeys, reach, settings, standard};
use crate::{Error, session::text::seconds, telemetry::filter};

/// The start of the name of every environment variable that is read. The double
/// underscore keeps out what Kubernetes injects beside a service named
/// `ser-server`, for instance `SER_SERVER_PORT=tcp://10.0.0.1:50051`.
pub(super) const PREFIX: &str = "SER__";

/// The largest `limits.chunk_bytes`: a message may have 256 KiB, of which the
/// protocol's own framing needs a few bytes.
const LARGEST_CHUNK: usize = 262_000;

/// The longest of all durations: far beyond any use, and short enough to be added
/// to any time.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// What flags set. `None` leaves a value as it is.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `server.listen`.
    pub listen: Option<SocketAddr>,
    /// `server.port_file`.
    pub port_file: Option<PathBuf>,
    /// `models.directory`.
    pub models_dir: Option<PathBuf>,
    /// `models.default`.
    pub model: Option<String>,
    /// `admin.listen`.
    pub admin_listen: Option<SocketAddr>,
    /// `log.format`.
    pub log_format: Option<LogFormat>,
    /// `log.level`.
    pub log_level: Option<String>,
}

impl Overrides {
    fn apply(self, config: &mut Config) {
        let Self {
            listen,
            port_file,
            models_dir,
            model,
            admin_listen,
            log_format,
            log_level,
        } = self;
        config.server.listen = listen.unwrap_or(config.server.listen);
        config.server.port_file = port_file.or(config.server.port_file.take());
        config.models.directory = models_dir.or(config.models.directory.take());
        config.models.default = model.or(config.models.default.take());
        config.admin.listen = admin_listen.or(config.admin.listen.take());
        config.log.format = log_format.unwrap_or(config.log.format);
        if let Some(level) = log_level {
            config.log.level = level;
        }
    }
}

/// Reads the configuration of this process.
///
/// # Errors
///
/// [`Error::Config`] names the source, the key, the value and what was expected;
/// a key that isn't known is an error too.
pub fn load(file: Option<&Path>, flags: Overrides) -> Result<Config, Error> {
    let mut environment = env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .filter(|(name, _)| name.starts_with(PREFIX))
        .map(|(name, value)| match value.into_string() {
            Ok(value) => Ok((name, value)),
            Err(value) => Err(wrong(
                format!("environment variable {name}"),
                format!("{}; expected UTF-8", value.display()),
            )),
        })
        .collect::<Result<_, _>>()?;
    standard::add(&mut environment, |name| env::var(name).ok());
    load_from(file, environment, flags)
}

pub(super) fn load_from(
    file: Option<&Path>,
    environment: HashMap<String, String>,
    flags: Overrides,
) -> Result<Config, Error> {
    let mut merged = ::config::Config::builder();
    if let Some(path) = file {
        let text = fs::read_to_string(path).map_err(|error| {
            let reason = format!("{error}; expected a configuration file in TOML");
            wrong(path.display().to_string(), reason)
        })?;
        let source: File<FileSourceString, FileFormat> = File::from_str(&text, FileFormat::Toml);
        check(
            ::config::Config::builder().add_source(source.clone()),
            |key| match key {
                "" => path.display().to_string(),
                key => format!("{}: {key}", path.display()),
            },
        )?;
        merged = merged.add_source(source);
    }
    let (settings, variables): (HashMap<_, _>, HashMap<_, _>) = environment
        .into_iter()
        .partition(|(name, _)| name.starts_with(settings::PREFIX));
    let source = Environment::with_prefix("SER")
        .prefix_separator("__")
        .separator("__")
        .source(Some(variables));
    check(
        ::config::Config::builder().add_source(source.clone()),
        |key| {
            format!(
                "environment variable {PREFIX}{}",
                key.replace('.', "__").to_uppercase()
            )
        },
    )?;
    let settings = settings::from_variables(settings)?.to_string();
    let mut config = check(
        merged
            .add_source(source)
            .add_source(File::from_str(&settings, FileFormat::Toml)),
        |key| format!("configuration: {key}"),
    )?;
    flags.apply(&mut config);
    validate(&config)
        .and_then(|()| validate_together(&config))
        .map_err(|(key, reason)| Error::config(key, reason))?;
    Ok(config)
}

/// Reads and validates what `sources` hold over the defaults. Run on each source
/// alone first, so that an error can name it.
fn check(
    sources: ::config::ConfigBuilder<::config::builder::DefaultState>,
    place: impl Fn(&str) -> String,
) -> Result<Config, Error> {
    let wrong = |key: &str, reason: String| wrong(place(key), reason);
    let read = sources
        .build()
        .map_err(|error| wrong("", describe(&error)))?;
    let config: Config = serde_path_to_error::deserialize(read)
        .map_err(|error| wrong(&error.path().to_string(), describe(error.inner())))?;
    validate(&config).map_err(|(key, reason)| wrong(key, reason))?;
    Ok(config)
}

fn wrong(origin: String, reason: String) -> Error {
    Error::Config(vec![Problem::new("", reason).from(origin)])
}

fn describe(error: &ConfigError) -> String {
    match error {
        ConfigError::Type {
            unexpected,
            expected,
            ..
        } => {
            format!("{unexpected}; expected {expected}")
        }
        ConfigError::At { error, .. } => describe(error),
        ConfigError::FileParse { cause, .. } => cause.to_string(),
        other => other.to_string(),
    }
}

/// What types alone can't say. The error is the key with the reason.
fn validate(config: &Config) -> Result<(), (&'static str, String)> {
    let chunk = config.limits.chunk_bytes;
    if !(1..=LARGEST_CHUNK).contains(&chunk) {
        return Err((
            "limits.chunk_bytes",
            format!("{chunk}; expected 1 to {LARGEST_CHUNK}"),
        ));
    }
    if config.server.streams_per_connection == 0 {
        return Err((
            "server.streams_per_connection",
            "0; expected at least 1".to_owned(),
        ));
    }
    let Config {
        server,
        limits,
        overload,
        batcher,
        admin,
        telemetry,
        ..
    } = config;
    for (key, duration, may_be_zero) in [
        ("server.handshake", server.handshake, false),
        (
            "server.keepalive_interval",
            server.keepalive_interval,
            false,
        ),
        ("server.keepalive_timeout", server.keepalive_timeout, false),
        ("server.drain", server.drain, true),
        ("limits.first_message", limits.first_message, false),
        ("limits.idle", limits.idle, false),
        ("limits.muted", limits.muted, false),
        ("limits.unread", limits.unread, false),
        ("limits.stream_age", limits.stream_age, false),
        ("limits.stream_audio", limits.stream_audio, false),
        ("limits.live_ahead", limits.live_ahead, false),
        ("limits.clip_duration", limits.clip_duration, false),
        ("limits.clip_deadline", limits.clip_deadline, false),
        ("overload.lag", overload.lag, false),
        ("batcher.max_wait", batcher.max_wait, true),
        ("batcher.call_deadline", batcher.call_deadline, false),
        ("admin.deadline", admin.deadline, false),
        ("telemetry.timeout", telemetry.timeout, false),
        ("telemetry.interval", telemetry.interval, false),
    ] {
        if duration == Duration::ZERO && !may_be_zero {
            return Err((key, "0s; expected more than 0s".to_owned()));
        }
        if duration > LONGEST {
            let reason = format!("{}; expected at most 24h", seconds(duration));
            return Err((key, reason));
        }
    }
    let utilisation = config.overload.utilisation;
    if !(utilisation > 0.0 && utilisation <= 1.0) {
        let reason = format!("{utilisation}; expected more than 0, at most 1");
        return Err(("overload.utilisation", reason));
    }
    for (key, ratio) in [
        ("telemetry.sample_ratio", telemetry.sample_ratio),
        ("telemetry.window_ratio", telemetry.window_ratio),
    ] {
        if !(0.0..=1.0).contains(&ratio) {
            return Err((key, format!("{ratio}; expected 0 to 1")));
        }
    }
    filter(&config.log.level).map_err(|reason| ("log.level", reason))?;
    Ok(())
}

/// What depends on several keys, which may come from different sources. The error
/// is the key with the reason.
fn validate_together(config: &Config) -> Result<(), (&'static str, String)> {
    let metrics = &config.metrics;
    if metrics.listen.is_none() && metrics.port_file.is_some() {
        return Err((
            "metrics.port_file",
            "set; expected metrics.listen beside it".to_owned(),
        ));
    }
    config.tls.validate(&TlsKeys::SERVER)?;
    config.admin.tls.validate(&TlsKeys::ADMIN)?;
    reach::validate(config)
}
