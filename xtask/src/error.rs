//! Why a chore stopped.

use std::path::PathBuf;
use std::time::Duration;

/// Why a chore stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{0}; see cargo xtask --help")]
    Usage(#[from] lexopt::Error),
    #[error("no command {0:?}; see cargo xtask --help")]
    UnknownCommand(String),
    #[error("no step {name:?}; expected one of {}", known.join(", "))]
    UnknownStep {
        name: String,
        known: Vec<&'static str>,
    },
    #[error(transparent)]
    Shell(#[from] xshell::Error),
    #[error("{command}: {source}")]
    Process {
        command: &'static str,
        source: std::io::Error,
    },
    #[error("needs {packages}, and can't install: {reason}")]
    CannotInstall {
        packages: String,
        reason: &'static str,
    },
    #[error(
        "needs {packages}, for which apt-get would remove {removed}; run this in a container, or \
         `cargo test --workspace` for the tests that need nothing installed"
    )]
    WouldRemove { packages: String, removed: String },
    #[error("python3 with venv is still not usable; expected Python 3.11 or later")]
    Python,
    #[error("no such ONNX Runtime is pinned for {0}; expected {1}")]
    Architecture(&'static str, &'static str),
    #[error("{path}: SHA-256 is {got}; expected {expected}")]
    Checksum {
        path: PathBuf,
        got: String,
        expected: &'static str,
    },
    #[error("the server stopped before it was ready: {0}")]
    NotReady(std::process::ExitStatus),
    #[error("the client failed: {0}")]
    Client(std::process::ExitStatus),
    #[error("the server is not ready after {0:?}")]
    NotReadyInTime(Duration),
    #[error("the server did not stop cleanly: {0}")]
    UncleanStop(std::process::ExitStatus),
    #[error("the server has not stopped after {0:?}, and was killed")]
    NotStopping(Duration),
    #[error("needs an NVIDIA GPU: {0}")]
    Gpu(String),
    #[error("{0}: no such folder; expected the corpora")]
    Corpora(PathBuf),
    #[error("the streams didn't survive: {0}")]
    Comparison(crate::comparison::Comparison),
    #[error("the log doesn't tell when the server was ready: {0}")]
    Log(String),
    #[error("the container ended with {0}; expected 0")]
    Container(String),
    #[error("interrupted")]
    Interrupted,
    #[error("no fuzz target {0:?}; expected {1}")]
    UnknownTarget(String, String),
    #[error("{0} fuzz targets named; expected one, which --input is for")]
    OneTarget(usize),
    #[error("fuzz targets that found something: {0}; see above for the inputs")]
    Findings(usize),
    #[error("the fuzzer stopped: {0}")]
    Fuzzer(std::process::ExitStatus),
    #[error("tests failed: {0}")]
    Tests(std::process::ExitStatus),
}
