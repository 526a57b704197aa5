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
const INSTALL: &str =
    "`cargo xtask onnxruntime` fetches it and prints its path: export ORT_DYLIB_PATH=PATH";

/// The names of the library beside the executable and on the system.
#[cfg(target_os = "macos")]
const FILES: [&str; 1] = ["libonnxruntime.dylib"];
#[cfg(not(target_os = "macos"))]
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

/// The first library that can be had. One that somebody names or puts beside the
/// executable is used or refused: no other takes its place.
fn find(
    configured: Option<&Path>,
    variable: Option<&Path>,
    beside: Option<&Path>,
) -> Result<(PathBuf, String), BackendError> {
    for (name, path) in [("settings: library", configured), (VARIABLE, variable)] {
        if let Some(path) = path {
            return usable(path)
                .map_err(|reason| unavailable(format!("{name} = {path:?}: {reason}; {INSTALL}")));
        }
    }
    let mut tried = vec![
        "settings: library is not set".to_owned(),
        format!("{VARIABLE} is not set"),
    ];
    for path in beside
        .into_iter()
        .flat_map(|beside| FILES.map(|file| beside.join(file)))
    {
        // A link that leads nowhere is there, too.
        match path.symlink_metadata() {
            Ok(_) => {
                return usable(&path).map_err(|reason| {
                    unavailable(format!(
                        "{path:?} beside the executable: {reason}; {INSTALL}"
                    ))
                });
            }
            Err(error) => tried.push(format!("beside the executable: {path:?}: {error}")),
        }
    }
    for path in FILES.map(PathBuf::from) {
        match c_api::version(&path) {
            Ok(version) => return Ok((path, version)),
            Err(reason) => tried.push(format!("on the system: {reason}")),
        }
    }
    Err(unavailable(format!(
        "ONNX Runtime's library is not found: {}; {INSTALL}",
        tried.join("; ")
    )))
}

/// The absolute path of a library that is one, and its version.
fn usable(path: &Path) -> Result<(PathBuf, String), String> {
    let path = path.canonicalize().map_err(|error| error.to_string())?;
    let version = c_api::version(&path)?;
    Ok((path, version))
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

#[cfg(test)]
mod tests {
    use std::{fs, process::Command};

    use super::*;

    /// Compiles a library.
    fn compile(folder: &Path, name: &str, source: &str) -> PathBuf {
        let (code, library) = (folder.join("source.c"), folder.join(name));
        fs::write(&code, source).unwrap();
        let mut compiler = Command::new("cc");
        let compiler = compiler.args(["-shared", "-fPIC", "-o"]);
        let status = compiler.arg(&library).arg(&code).status().unwrap();
        assert!(status.success(), "cc: {status}");
        library.canonicalize().unwrap()
    }

    /// A library that says that it is ONNX Runtime of a version, and can nothing
    /// else.
    fn impostor(folder: &Path, name: &str, version: &str) -> PathBuf {
        let source = format!(
            "static const char *version(void) {{ return \"{version}\"; }}
             static const void *base[] = {{ 0, version }};
             const void *OrtGetApiBase(void) {{ return base; }}"
        );
        compile(folder, name, &source)
    }

    #[test]
    fn places_are_tried_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let configured = impostor(folder.path(), "configured.so", "1.91.0");
        let variable = impostor(folder.path(), "variable.so", "1.92.0");
        let beside = impostor(folder.path(), FILES[0], "1.93.0");
        let all = (
            Some(configured.as_path()),
            Some(variable.as_path()),
            beside.parent(),
        );
        let found = |path: PathBuf, version: &str| (path, version.to_owned());
        assert_eq!(
            find(all.0, all.1, all.2).unwrap(),
            found(configured.clone(), "1.91.0")
        );
        assert_eq!(
            find(None, all.1, all.2).unwrap(),
            found(variable.clone(), "1.92.0")
        );
        assert_eq!(
            find(None, None, all.2).unwrap(),
            found(beside.clone(), "1.93.0")
        );
    }

    #[test]
    fn where_none_is_found_every_place_is_named() {
        let folder = tempfile::tempdir().unwrap();
        match find(None, None, Some(folder.path())) {
            // This machine has one.
            Ok((path, _)) => assert!(path.is_relative(), "{path:?}"),
            Err(error) => {
                let text = error.to_string();
                let beside = folder.path().join(FILES[0]);
                for part in [
                    "library is not set",
                    "ORT_DYLIB_PATH is not set",
                    beside.to_str().unwrap(),
                    "on the system",
                    "cargo xtask onnxruntime",
                ] {
                    assert!(text.contains(part), "{part}: {text}");
                }
            }
        }
    }

    #[test]
    fn a_library_beside_the_executable_is_used_or_refused() {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join(FILES[0]);
        let refusal = || {
            let error = find(None, None, Some(folder.path())).unwrap_err();
            let text = error.to_string();
            assert!(text.contains("beside the executable"), "{text}");
            assert!(text.contains(library.to_str().unwrap()), "{text}");
            text
        };
        fs::write(&library, "no library").unwrap();
        let text = refusal();
        assert!(!text.contains("is not found"), "{text}");
        fs::remove_file(&library).unwrap();
        std::os::unix::fs::symlink("none.so", &library).unwrap();
        let text = refusal();
        assert!(text.contains("No such file"), "{text}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_library_that_is_refused_stays_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let old = impostor(folder.path(), "stays.so", "1.9.1");
        find(Some(&old), None, None).unwrap_err();
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        assert!(maps.contains(old.to_str().unwrap()), "{maps}");
    }

    #[test]
    fn a_library_that_is_named_is_used_or_refused() {
        let folder = tempfile::tempdir().unwrap();
        let good = impostor(folder.path(), "good.so", "1.91.0");
        let text = folder.path().join("text.so");
        fs::write(&text, "no library").unwrap();
        let cases = [
            (folder.path().join("none.so"), "No such file"),
            (text, "text.so"),
            (
                compile(folder.path(), "other.so", "int x;"),
                "no ONNX Runtime",
            ),
            (
                compile(
                    folder.path(),
                    "mute.so",
                    "void *OrtGetApiBase(void) { return 0; }",
                ),
                "returns nothing",
            ),
            (
                impostor(folder.path(), "old.so", "1.9.1"),
                "\"1.9.1\"; expected 1.24",
            ),
            (
                impostor(folder.path(), "two.so", "2.31.0"),
                "\"2.31.0\"; expected 1.24",
            ),
        ];
        for (path, expected) in cases {
            let error = find(Some(&path), Some(&good), None)
                .unwrap_err()
                .to_string();
            assert!(error.contains("settings: library"), "{error}");
            assert!(error.contains(expected), "{expected}: {error}");
            let error = find(None, Some(&path), None).unwrap_err().to_string();
            assert!(error.contains("ORT_DYLIB_PATH"), "{error}");
            assert!(error.contains("cargo xtask onnxruntime"), "{error}");
        }
    }
}
