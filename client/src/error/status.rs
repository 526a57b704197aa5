//! What the status of a call means.

use std::{error::Error as _, io, iter::successors, time::Duration};

use tonic::{Code, ConnectError, Status};
use tonic_types::StatusExt;

use super::Error;

impl Error {
    /// Whether `status` was made here, of a broken connection: one that the server sent
    /// has no source.
    pub(crate) fn is_of_transport(status: &Status) -> bool {
        status.source().is_some()
    }

    /// What a call's `status` means to its caller.
    pub(crate) fn from_status(address: &str, status: &Status) -> Self {
        let message = status.message().to_owned();
        let code = status.code();
        // A status that the server sent has no source; one with a source was
        // made here, of a broken connection.
        if let Some(source) = status.source() {
            let address = address.to_owned();
            let cause = root_cause(source);
            if chain(source).any(|error| error.is::<ConnectError>()) {
                let reason = cause.to_string();
                return Self::Unreachable { address, reason };
            }
            if cause.downcast_ref().is_some_and(is_no_http2) {
                return Self::Protocol {
                    address,
                    expected: "gRPC",
                    got: "something that is no HTTP/2",
                };
            }
            let reason = match cause.downcast_ref::<io::Error>() {
                // As TLS tells it, there is a link to its documentation.
                Some(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    "the connection ended".to_owned()
                }
                _ => cause.to_string(),
            };
            return Self::Lost { address, reason };
        }
        match code {
            Code::Unavailable | Code::ResourceExhausted => Self::Unavailable {
                address: address.to_owned(),
                code,
                reason: message,
                retry_after: retry_delay(status),
            },
            Code::DeadlineExceeded => Self::KeptWaiting { message },
            // Servers say more. It is what comes of a call that a proxy resets, and that
            // ends without a status.
            Code::Unknown => Self::Lost {
                address: address.to_owned(),
                reason: message,
            },
            Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::Unauthenticated
            | Code::FailedPrecondition
            | Code::OutOfRange
            | Code::Unimplemented => Self::Rejected { code, message },
            _ => Self::Failed { code, message },
        }
    }
}

/// What the server says about a new attempt (`google.rpc.RetryInfo`).
fn retry_delay(status: &Status) -> Option<Duration> {
    status.get_details_retry_info()?.retry_delay
}

/// Whether the other side sent what can't be HTTP/2.
fn is_no_http2(error: &h2::Error) -> bool {
    use h2::Reason;
    let reason = error.reason();
    let nonsense = [Reason::FRAME_SIZE_ERROR, Reason::PROTOCOL_ERROR];
    error.is_library() && reason.is_some_and(|reason| nonsense.contains(&reason))
}

/// The innermost error: the outer ones of a transport say no more than
/// "transport error".
pub(crate) fn root_cause(error: &Cause) -> &Cause {
    chain(error).last().unwrap_or(error)
}

/// What `error` came of, if there is one of its kind.
pub(crate) fn cause<E: std::error::Error + 'static>(error: &Cause) -> Option<&E> {
    chain(error).find_map(|error| error.downcast_ref())
}

/// An error and what it came of.
fn chain(error: &Cause) -> impl Iterator<Item = &Cause> {
    successors(Some(error), |&error| error.source())
}

type Cause = dyn std::error::Error + 'static;
