//! ONNX Runtime's library: where it is looked for, and loading it once.

use std::{
    env,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use ort::{environment::Environment, logging::LogLevel};
use ser_backend::BackendError;

use crate::{backend::unavailable, c_api};

/// Names a library for every program on the machine.
const VARIABLE: &str = "ORT_DYLIB_PATH";

/// What installs the library.
const INSTALL: &str = "`cargo xtask onnxruntime` fetches it and prints its path";

/// The names of the library beside the executable and on the system.
#[cfg(target_os = "macos")]
const FILES: [&str; 1] = ["libonnxruntime.dylib"];
#[cfg(windows)]
const FILES: [&str; 1] = ["onnxruntime.dll"];
#[cfg(not(any(target_os = "macos", windows)))]
const FILES: [&str; 2] = ["libonnxruntime.so", "libonnxruntime.so.1"];

/// The library that this process has loaded.
#[derive(Debug)]
pub(crate) struct Runtime {
    pub(crate) environment: Environment,
    pub(crate) path: PathBuf,
    /// For instance `1.31.1`.
    pub(crate) version: String,
}

/// Loaded once and never let go: a second library can't stand beside it.
static RUNTIME: Mutex<Option<Arc<Runtime>>> = Mutex::new(None);

/// The library of this process, loaded if it isn't yet. `configured` is where the
/// settings say that it lies.
pub(crate) fn runtime(configured: Option<&Path>) -> Result<Arc<Runtime>, BackendError> {
    let mut loaded = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(runtime) = &*loaded {
        return match configured {
            Some(other) if !same_file(other, &runtime.path) => Err(unavailable(format!(
                "library = {other:?}, but this process has loaded {:?} already, and can't load a \
                 second one; expected the same library for every model",
                runtime.path
            ))),
            _ => Ok(Arc::clone(runtime)),
        };
    }
    let variable = env::var_os(VARIABLE)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from);
    let executable = env::current_exe().ok();
    let beside = executable.as_deref().and_then(Path::parent);
    let (path, version) = find(configured, variable.as_deref(), beside)?;
    let environment = environment(&path)
        .map_err(|reason| unavailable(format!("the library {}: {reason}", path.display())))?;
    tracing::info!(path = %path.display(), version, "loaded ONNX Runtime");
    let runtime = Arc::new(Runtime {
        environment,
        path,
        version,
    });
    *loaded = Some(Arc::clone(&runtime));
    Ok(runtime)
}

fn same_file(one: &Path, other: &Path) -> bool {
    one == other || one.canonicalize().ok() == Some(other.to_owned())
}

/// The first library that can be had. One that somebody names is used or refused:
/// no other takes its place.
fn find(
    configured: Option<&Path>,
    variable: Option<&Path>,
    beside: Option<&Path>,
) -> Result<(PathBuf, String), BackendError> {
    for (name, path) in [("settings: library", configured), (VARIABLE, variable)] {
        if let Some(path) = path {
            let absolute = path.canonicalize();
            return absolute
                .map_err(|error| error.to_string())
                .and_then(|path| Ok((c_api::version(&path)?, path)))
                .map(|(version, path)| (path, version))
                .map_err(|reason| unavailable(format!("{name} = {path:?}: {reason}; {INSTALL}")));
        }
    }
    let mut tried = vec![
        "settings: library is not set".to_owned(),
        format!("{VARIABLE} is not set"),
    ];
    let beside = beside
        .into_iter()
        .flat_map(|folder| FILES.map(|file| (folder.join(file), "beside the executable")));
    let system = FILES.map(|file| (PathBuf::from(file), "on the system"));
    for (path, place) in beside.chain(system) {
        match c_api::version(&path) {
            Ok(version) => return Ok((path, version)),
            Err(reason) => tried.push(format!("{place}: {reason}")),
        }
    }
    Err(unavailable(format!(
        "ONNX Runtime's library is not found: {}; {INSTALL}",
        tried.join("; ")
    )))
}

fn environment(path: &Path) -> Result<Environment, String> {
    let environment = ort::init_from(path)
        .map_err(|error| error.to_string())?
        .with_name("ser")
        .with_telemetry(false)
        .with_logger(Arc::new(log))
        .build()
        .map_err(|error| error.to_string())?;
    environment.set_log_level(LogLevel::Warning);
    Ok(environment)
}

fn log(level: LogLevel, _category: &str, _id: &str, location: &str, message: &str) {
    match level {
        LogLevel::Verbose => tracing::trace!(target: "onnxruntime", location, "{message}"),
        LogLevel::Info => tracing::debug!(target: "onnxruntime", location, "{message}"),
        LogLevel::Warning => tracing::warn!(target: "onnxruntime", location, "{message}"),
        LogLevel::Error | LogLevel::Fatal => {
            tracing::error!(target: "onnxruntime", location, "{message}");
        }
    }
}
