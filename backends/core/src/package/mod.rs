//! A model package: the directory `<name>/<version>/` with `model.toml`,
//! `model.onnx`, `golden.json` and `MODEL_CARD.md`.

mod golden;
mod manifest;

pub use golden::{Golden, GoldenAudio, GoldenRow};
pub use manifest::{DecisionSpec, FORMAT, InputSpec, Manifest, Precision};

/// A validated package in memory.
#[derive(Clone, Debug)]
pub struct ModelPackage {
    /// `model.toml`.
    pub manifest: Manifest,
    /// The bytes of `model.onnx`, the one source of graph and weights for every
    /// backend.
    pub graph: std::sync::Arc<[u8]>,
    /// SHA-256 of [`graph`](Self::graph), lower-case hexadecimal.
    pub graph_sha256: String,
    /// `golden.json`.
    pub golden: Golden,
}

/// A package that can't be served, naming the file and, where there is one, the
/// key.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// A file can't be read.
    #[error("{file}: {source}")]
    Read {
        /// The file's path, or its name in an embedded package.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("{file}: {reason}")]
    Invalid {
        /// The file's path, or its name in an embedded package.
        file: String,
        /// The key, what it holds and what was expected.
        reason: String,
    },
}
