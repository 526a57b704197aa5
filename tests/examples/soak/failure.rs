//! How streams end that don't end well.

use std::{fmt, time::Duration};

use tokio::time::error::Elapsed;
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// How a stream ended.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The server has no room, and says when to come back.
    Refused { retry_after: Duration },
    /// Otherwise than it should.
    Other(String),
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        let info = status.get_details_retry_info();
        match info.and_then(|info| info.retry_delay) {
            Some(retry_after) if status.code() == Code::ResourceExhausted => {
                Self::Refused { retry_after }
            }
            _ => Self::Other(status.to_string()),
        }
    }
}

impl From<Elapsed> for Failure {
    fn from(_: Elapsed) -> Self {
        Self::Other("silence".to_owned())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { retry_after } => write!(f, "refused for {retry_after:?}"),
            Self::Other(what) => f.write_str(what),
        }
    }
}
