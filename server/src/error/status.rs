//! What clients see of an error.

use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::Error;

/// How long clients are asked to wait for a free place. Places come free all the time,
/// and each client that looks costs a call.
const NEXT_PLACE: Duration = Duration::from_secs(1);

impl Error {
    /// The gRPC code that clients see.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Invalid { .. } | Self::Setting { .. } | Self::Audio { .. } => {
                Code::InvalidArgument
            }
            // Health says NOT_SERVING of it, too: another server may do.
            Self::NoDefaultModel { served, .. } if served.is_empty() => Code::Unavailable,
            Self::Unauthenticated { .. } => Code::Unauthenticated,
            Self::UnknownModel { .. } | Self::UnknownPackage { .. } => Code::NotFound,
            Self::Refused { source, .. } => match **source {
                Self::LoadTooLate { .. } | Self::LoadPanicked => source.code(),
                _ => Code::FailedPrecondition,
            },
            Self::NoDefaultModel { .. } | Self::CantResume(_) => Code::FailedPrecondition,
            Self::TooLate { .. } | Self::LoadTooLate { .. } => Code::DeadlineExceeded,
            Self::TooMany { .. } | Self::Overloaded { .. } | Self::Abandoned { .. } => {
                Code::ResourceExhausted
            }
            Self::NotPermitted { .. } => Code::PermissionDenied,
            Self::NotServing { .. } | Self::Loading | Self::ShuttingDown | Self::TooOld { .. } => {
                Code::Unavailable
            }
            Self::InferenceFailed { .. }
            | Self::LoadPanicked
            | Self::Internal(_)
            | Self::Config(_)
            | Self::Unfit(_)
            | Self::Bind { .. }
            | Self::Io { .. }
            | Self::Backend(_)
            | Self::FrontEnd { .. }
            | Self::Repository { .. }
            | Self::Transport(_) => Code::Internal,
        }
    }
}

/// The longest message of a status, in bytes. It is written as a trailer, each byte that
/// isn't ASCII as three, and clients take 8 KiB of trailers.
const LONGEST_MESSAGE: usize = 1_024;
/// What stands where something is left out.
const ELLIPSIS: &str = " … ";

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let (code, message) = (error.code(), shortened(error.to_string()));
        let retry_after = match error {
            Error::TooMany { .. } => NEXT_PLACE,
            Error::Overloaded { retry_after, .. } => retry_after,
            _ => return Self::new(code, message),
        };
        let details = ErrorDetails::with_retry_info(Some(retry_after));
        Self::with_error_details(code, message, details)
    }
}

/// At most [`LONGEST_MESSAGE`] bytes, without what is in the middle: both what is wrong
/// and what was expected stay, when what a client wrote between them is long.
fn shortened(message: String) -> String {
    if message.len() <= LONGEST_MESSAGE {
        return message;
    }
    let half = LONGEST_MESSAGE / 2 - ELLIPSIS.len();
    let start = &message[..message.floor_char_boundary(half)];
    let end = &message[message.ceil_char_boundary(message.len() - half)..];
    format!("{start}{ELLIPSIS}{end}")
}
