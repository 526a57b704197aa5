//! A model package: the directory `<name>/<version>/` with `model.toml`,
//! `model.onnx`, `golden.json` and `MODEL_CARD.md`.

mod check;
mod files;
mod golden;
mod manifest;
#[cfg(test)]
mod tests;

use std::{path::Path, sync::Arc};

use sha2::{Digest, Sha256};

pub use golden::{Golden, GoldenAudio, GoldenAudioError, GoldenRow};
pub use manifest::{DecisionSpec, FORMAT, InputSpec, Manifest, Precision};

/// A validated package in memory.
#[derive(Clone, Debug)]
pub struct ModelPackage {
    /// `model.toml`.
    pub manifest: Manifest,
    /// The bytes of `model.onnx`, the one source of graph and weights for every
    /// backend.
    pub graph: Arc<[u8]>,
    /// SHA-256 of [`graph`](Self::graph), lower-case hexadecimal.
    pub graph_sha256: String,
    /// `golden.json`.
    pub golden: Golden,
    /// Where it comes from, for errors: a directory, or what an embedded package
    /// is called.
    pub origin: String,
}

impl ModelPackage {
    /// Reads and checks the package in `directory`, whose last two parts are the
    /// package's name and version.
    ///
    /// # Errors
    ///
    /// [`PackageError`] names the file and the key that is wrong.
    pub fn read(directory: &Path) -> Result<Self, PackageError> {
        let manifest = Self::manifest_text(directory)?;
        let graph = files::bytes(directory, files::GRAPH)?;
        let golden = files::text(directory, files::GOLDEN)?;
        let origin = directory.display().to_string();
        let package = Self::from_parts(&origin, &manifest, &graph, &golden)?;
        files::check_place(directory, &package.manifest)?;
        Ok(package)
    }

    /// The text of `model.toml` in `directory`, unchecked.
    ///
    /// # Errors
    ///
    /// [`PackageError`] when it can't be read, or is too large to be one.
    pub fn manifest_text(directory: &Path) -> Result<String, PackageError> {
        files::text(directory, files::MANIFEST)
    }

    /// Checks a package whose files are in memory, for instance embedded in a
    /// program. `origin` says in errors where it comes from.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn from_parts(
        origin: &str,
        manifest: &str,
        graph: &[u8],
        golden: &str,
    ) -> Result<Self, PackageError> {
        let manifest =
            check::manifest(manifest).map_err(|reason| invalid(origin, files::MANIFEST, reason))?;
        Self::new(origin, manifest, graph.into(), |manifest| {
            check::golden(golden, manifest)
        })
    }

    /// Checks a package that a program made.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn from_values(
        origin: &str,
        manifest: Manifest,
        graph: Arc<[u8]>,
        golden: Golden,
    ) -> Result<Self, PackageError> {
        check::manifest_values(&manifest)
            .map_err(|reason| invalid(origin, files::MANIFEST, reason))?;
        Self::new(origin, manifest, graph, |manifest| {
            check::golden_values(&golden, manifest)?;
            Ok(golden)
        })
    }

    fn new(
        origin: &str,
        manifest: Manifest,
        graph: Arc<[u8]>,
        golden: impl FnOnce(&Manifest) -> Result<Golden, String>,
    ) -> Result<Self, PackageError> {
        if graph.is_empty() {
            return Err(invalid(origin, files::GRAPH, "is empty".to_owned()));
        }
        let golden = golden(&manifest).map_err(|reason| invalid(origin, files::GOLDEN, reason))?;
        let digest = Sha256::digest(&graph);
        let graph_sha256 = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self {
            manifest,
            graph,
            graph_sha256,
            golden,
            origin: origin.to_owned(),
        })
    }

    /// Writes `model.toml`, `model.onnx` and `golden.json` into `directory`, which
    /// is made if it isn't there and whose last two parts are the package's name
    /// and version. Equal packages give equal bytes.
    ///
    /// `model.toml` goes first and comes last: a server that looks meanwhile finds no
    /// package, rather than half of one.
    ///
    /// # Errors
    ///
    /// When a file can't be written, or the package wouldn't be read back.
    pub fn write(&self, directory: &Path) -> Result<(), PackageError> {
        check::manifest_values(&self.manifest)
            .map_err(|reason| self.invalid(files::MANIFEST, reason))?;
        check::golden_values(&self.golden, &self.manifest)
            .map_err(|reason| self.invalid(files::GOLDEN, reason))?;
        let manifest = toml::to_string(&self.manifest)
            .map_err(|error| self.invalid(files::MANIFEST, error.to_string()))?;
        let golden = serde_json::to_string(&self.golden)
            .map_err(|error| self.invalid(files::GOLDEN, error.to_string()))?;
        files::make(directory)?;
        files::check_place(directory, &self.manifest)?;
        files::remove(directory, files::MANIFEST)?;
        files::write(directory, files::GRAPH, &self.graph)?;
        files::write(directory, files::GOLDEN, format!("{golden}\n").as_bytes())?;
        files::write(directory, files::MANIFEST, manifest.as_bytes())
    }

    /// The graph's file, for errors.
    #[must_use]
    pub fn graph_file(&self) -> String {
        format!("{}/{}", self.origin, files::GRAPH)
    }

    fn invalid(&self, file: &str, reason: String) -> PackageError {
        invalid(&self.origin, file, reason)
    }
}

fn invalid(origin: &str, file: &str, reason: String) -> PackageError {
    PackageError::Invalid {
        file: format!("{origin}/{file}"),
        reason,
    }
}

/// A package that can't be served, naming the file and, where there is one, the
/// key.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// A file can't be read.
    #[error("can't read {file}: {source}")]
    Read {
        /// The file's path.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// A file can't be written.
    #[error("can't write {file}: {source}")]
    Write {
        /// The file's path.
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
