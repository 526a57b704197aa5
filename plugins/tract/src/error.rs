//! Why a call fails.

use ser_plugin_abi::Status;

/// Why a call fails; the message is what `last_error` says.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The caller doesn't keep to the header.
    #[error("{0}")]
    Call(String),
    /// There are settings.
    #[error("{0:?}; expected none")]
    Settings(String),
    /// The graph is broken or of another shape.
    #[error("{0}")]
    Package(String),
    /// tract doesn't run the graph.
    #[error("{0}")]
    Unsupported(String),
    /// tract failed.
    #[error("{0}")]
    Infer(String),
}

impl Error {
    /// The code of `ser_backend_plugin.h`.
    pub(crate) fn status(&self) -> Status {
        match self {
            Self::Call(_) | Self::Infer(_) => Status::FAILED,
            Self::Settings(_) => Status::SETTINGS,
            Self::Package(_) => Status::PACKAGE,
            Self::Unsupported(_) => Status::UNSUPPORTED,
        }
    }
}
