//! What can go wrong between a package and its posteriors.

use crate::PackageError;

/// Why a backend could not load or run a model.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// The backend or its device is not to be had on this machine.
    #[error("backend {backend} is not available: {reason}")]
    Unavailable {
        /// [`Backend::name`](crate::Backend::name).
        backend: String,
        /// What is missing, and what to do about it.
        reason: String,
    },
    /// The backend's own settings are wrong, or an execution provider is none that it
    /// knows.
    #[error("settings of backend {backend}: {reason}")]
    Settings {
        /// [`Backend::name`](crate::Backend::name).
        backend: String,
        /// The key, its value, and what was expected.
        reason: String,
    },
    /// The package itself is broken.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// The graph is beyond this backend.
    #[error("backend {backend} can't run {file}: {reason}")]
    Unsupported {
        /// [`Backend::name`](crate::Backend::name).
        backend: String,
        /// The file that holds the graph.
        file: String,
        /// The first node it can't run, and why.
        reason: String,
    },
    /// A golden row came out wrong: a wrong execution provider, cast or gate
    /// order.
    #[error("{what} of {package} gives {got}; expected {expected} within {tolerance}")]
    Golden {
        /// `name/version`.
        package: String,
        /// Which row or audio, and which value of it.
        what: String,
        /// What this backend computed.
        got: f32,
        /// What the package says.
        expected: f32,
        /// How far apart they may be.
        tolerance: f32,
    },
    /// A call failed.
    #[error("inference failed: {0}")]
    Inference(String),
}
