//! The error of this crate.

use std::path::{Path, PathBuf};

use ser_backend::{BackendError, PackageError};
use ser_features::FeatureError;
use ser_graph::GraphError;

/// Why a model could not be trained, measured or exported.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// A file or folder can't be read or written.
    #[error("{path}: {source}")]
    Io {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The recipe can't be followed.
    #[error("{file}: {reason}")]
    Recipe {
        /// The recipe's path.
        file: PathBuf,
        /// The key, what it holds and what was expected.
        reason: String,
    },
    /// A file of a corpus is not named as that corpus names its files.
    #[error("{path}: {reason}")]
    Corpus {
        /// The file or folder.
        path: PathBuf,
        /// What was expected.
        reason: String,
    },
    /// Audio files that can't be read or whose features can't be computed.
    #[error(
        "{} audio files can't be used; the first is {}: {}",
        .0.len(),
        .0[0].path.display(),
        .0[0].reason
    )]
    Audio(Vec<UnusableFile>),
    /// The clips at hand can't be split or scored as asked.
    #[error("{0}")]
    Data(String),
    /// A folder holds the state of another run, or of none.
    #[error("{path}: {reason}")]
    Run {
        /// The run's folder or a file in it.
        path: PathBuf,
        /// What is wrong, and what to do about it.
        reason: String,
    },
    /// Somebody stopped the training from the dashboard.
    #[error("stopped after epoch {epoch}; --resume goes on from there")]
    Stopped {
        /// The last epoch in the checkpoint.
        epoch: usize,
    },
    /// A picture can't be drawn.
    #[error("{path}: {reason}")]
    Plot {
        /// The picture's file.
        path: PathBuf,
        /// What the drawing library says.
        reason: String,
    },
    /// The front end refuses a setting.
    #[error(transparent)]
    Features(#[from] FeatureError),
    /// A model can't become a package.
    #[error("{file}: {reason}")]
    Import {
        /// The exported model, or the file that goes with it.
        file: PathBuf,
        /// The node or the key, what it holds and what was expected.
        reason: String,
    },
    /// A package would be overwritten.
    #[error("{}: is there already; --force replaces it", .0.display())]
    Exists(PathBuf),
    /// The network doesn't make a graph.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The exported package is not a package.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// The backend can't run a package.
    #[error(transparent)]
    Backend(#[from] BackendError),
}

/// An audio file that can't be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnusableFile {
    /// Which one.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

/// Names the path in an I/O error.
pub(crate) trait AtPath<T> {
    /// The error becomes [`TrainError::Io`] with `path`.
    fn at(self, path: &Path) -> Result<T, TrainError>;
}

impl<T> AtPath<T> for std::io::Result<T> {
    fn at(self, path: &Path) -> Result<T, TrainError> {
        self.map_err(|source| TrainError::Io {
            path: path.to_owned(),
            source,
        })
    }
}
