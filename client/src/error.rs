//! Everything that can go wrong between audio and results.

use std::{error::Error as _, io, iter::successors, path::PathBuf, time::Duration};

use ser_features::FeatureError;
use tonic::{Code, ConnectError, Status};
use tonic_types::StatusExt;

use crate::TlsFault;

/// Why the client could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address of the server can't be used.
    #[error("server address {address:?}; expected {expected}")]
    Address {
        /// What was given.
        address: String,
        /// What it may have been meant to be.
        expected: String,
    },
    /// No connection came about. A new attempt may succeed.
    #[error("nothing answers at {address} ({reason})")]
    Unreachable {
        /// The address of the server.
        address: String,
        /// What the network said.
        reason: String,
    },
    /// TLS with the server doesn't come about.
    #[error("{address}: {fault}")]
    Tls {
        /// The address of the server.
        address: String,
        /// Why.
        fault: TlsFault,
    },
    /// A certificate, a key or a token can't be used.
    #[error("{place}: {reason}")]
    Credential {
        /// The file, or what else it is.
        place: String,
        /// What is wrong with it, and what was expected.
        reason: String,
    },
    /// Whoever is on the way to the server could read the token.
    #[error("{address} is not encrypted; expected https:// in its address, for a token")]
    TokenInClear {
        /// The address of the server.
        address: String,
    },
    /// There is a connection, and the server keeps silent.
    #[error("{address} said nothing for {waited:?}")]
    Silent {
        /// The address of the server.
        address: String,
        /// How long the client waited.
        waited: Duration,
    },
    /// The server refuses what it was asked; the same request fails again.
    #[error("the server refuses: {message} ({code:?})")]
    Rejected {
        /// The status of the call.
        code: Code,
        /// What the server said: field, value and what it expected.
        message: String,
    },
    /// The server says that it can't serve now, or has no room. A new attempt may
    /// succeed.
    #[error("{address} can't serve now: {reason}")]
    Unavailable {
        /// The address of the server.
        address: String,
        /// The status of the call: `UNAVAILABLE`, `RESOURCE_EXHAUSTED` of a server that
        /// is full, or `FAILED_PRECONDITION` of one that can't go on with a stream.
        code: Code,
        /// What the server said.
        reason: String,
        /// How long the server asks to be left alone, if it does.
        retry_after: Option<Duration>,
    },
    /// The connection broke. A new attempt may succeed.
    #[error("lost {address}: {reason}")]
    Lost {
        /// The address of the server.
        address: String,
        /// What the network said.
        reason: String,
    },
    /// The server waited in vain for this client.
    #[error("the server gave up waiting: {message}")]
    KeptWaiting {
        /// What the server waited for, and how long.
        message: String,
    },
    /// The server failed at a request that it had accepted.
    #[error("the server failed: {message} ({code:?})")]
    Failed {
        /// The status of the call.
        code: Code,
        /// What the server said.
        message: String,
    },
    /// The server does not speak this protocol.
    #[error("{address} answered with {got}; expected {expected}")]
    Protocol {
        /// The address of the server.
        address: String,
        /// What the protocol asks for.
        expected: &'static str,
        /// What came instead.
        got: &'static str,
    },
    /// A stream broke, and no server went on with it.
    #[error(
        "{last}; not resumed within {tried:.1?}, {} s of audio without a result",
        seconds(*.lost)
    )]
    NotResumed {
        /// What came of the last attempt.
        last: Box<Error>,
        /// For how long there were attempts.
        tried: Duration,
        /// Audio that was sent, or was to be, and that no result covers.
        lost: Duration,
    },
    /// The server ended the stream before all audio was sent. The stream of
    /// results says why.
    #[error("the server ended the stream before all audio was sent")]
    Ended,
    /// A file can't be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file holds no audio.
    #[error("{}: {source}", path.display())]
    NotAudio {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: FeatureError,
    },
    /// Raw audio can't be read.
    #[error("can't read audio: {0}")]
    Input(#[source] io::Error),
    /// Raw audio without a single frame.
    #[error("standard input ended before any audio arrived")]
    NoInput,
    /// A recording can't be written, or not any further.
    #[error("{}: can't record: {source}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The machine has no sound device to record from, or shows none to this
    /// program.
    #[error("no microphone found")]
    NoMicrophone,
    /// No device is the one that was asked for.
    #[error("no microphone is called {wanted:?}; there are {known}")]
    UnknownMicrophone {
        /// What was asked for.
        wanted: String,
        /// The names and identifiers of all devices.
        known: String,
    },
    /// Several devices are what was asked for.
    #[error("{wanted:?} fits several microphones: {fitting}")]
    AmbiguousMicrophone {
        /// What was asked for.
        wanted: String,
        /// Their names and identifiers.
        fitting: String,
    },
    /// Another program has the device for itself.
    #[error("{device} is in use by another program")]
    MicrophoneBusy {
        /// The device.
        device: String,
    },
    /// The system doesn't let this program record.
    #[error("no permission to record from {device}")]
    MicrophoneDenied {
        /// The device.
        device: String,
    },
    /// The device's own format is beyond what a server takes.
    #[error("{device} records what no server takes ({reason})")]
    MicrophoneFormat {
        /// The device.
        device: String,
        /// Field, value and what is expected.
        reason: String,
    },
    /// The device can't be opened, or not be started.
    #[error("can't record from {device}: {reason}")]
    MicrophoneFailed {
        /// The device.
        device: String,
        /// What the sound system said.
        reason: String,
    },
    /// The device went away while it recorded, for instance unplugged.
    #[error("lost {device}: {reason}")]
    MicrophoneLost {
        /// The device.
        device: String,
        /// What the sound system said.
        reason: String,
    },
    /// The device is there, and delivers nothing, not even silence.
    #[error("{device} delivered nothing for {waited:?}")]
    MicrophoneSilent {
        /// The device.
        device: String,
        /// How long the client waited.
        waited: Duration,
    },
    /// The sound system as a whole can't be used.
    #[error("the sound system doesn't work: {reason}")]
    SoundSystem {
        /// What it said.
        reason: String,
    },
}

impl Error {
    /// What came of the last attempt, without what came before.
    #[must_use]
    pub fn last(&self) -> &Self {
        match self {
            Self::NotResumed { last, .. } => last.last(),
            error => error,
        }
    }

    /// Whether nothing but time, or another server, may be needed for the same call to
    /// succeed: of [`Unreachable`](Self::Unreachable), [`Silent`](Self::Silent),
    /// [`Unavailable`](Self::Unavailable) and [`Lost`](Self::Lost).
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(
            self.last(),
            Self::Unreachable { .. }
                | Self::Silent { .. }
                | Self::Unavailable { .. }
                | Self::Lost { .. }
        )
    }

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
            return Self::Lost {
                address,
                reason: cause.to_string(),
            };
        }
        match code {
            Code::Unavailable | Code::ResourceExhausted => Self::Unavailable {
                address: address.to_owned(),
                code,
                reason: message,
                retry_after: retry_delay(status),
            },
            Code::DeadlineExceeded => Self::KeptWaiting { message },
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

fn seconds(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64())
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

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    fn classify(code: Code) -> Error {
        Error::from_status("http://here:1", &Status::new(code, "config.audio: missing"))
    }

    #[test]
    fn a_status_of_the_request_is_a_rejection() {
        for code in [Code::InvalidArgument, Code::NotFound] {
            let error = classify(code);
            assert!(matches!(error, Error::Rejected { code: kept, .. } if kept == code));
            assert!(error.to_string().contains("config.audio: missing"));
            assert!(!error.may_pass());
        }
    }

    #[test]
    fn what_is_loading_or_full_can_be_tried_again() {
        for code in [Code::Unavailable, Code::ResourceExhausted] {
            let error = classify(code);
            assert!(matches!(error, Error::Unavailable { code: kept, .. } if kept == code));
            assert!(error.may_pass());
        }
    }

    #[test]
    fn a_broken_connection_names_its_root_cause() {
        let inner = io::Error::new(io::ErrorKind::ConnectionReset, "reset by peer");
        let mut status = Status::unknown("h2 protocol error");
        status.set_source(std::sync::Arc::new(io::Error::other(inner)));
        let error = Error::from_status("http://here:1", &status);
        assert_eq!(error.to_string(), "lost http://here:1: reset by peer");
    }

    #[test]
    fn a_server_may_say_when_to_try_again() {
        let delay = Duration::from_millis(1_500);
        let details = ErrorDetails::with_retry_info(Some(delay));
        for code in [Code::ResourceExhausted, Code::Unavailable] {
            let status = Status::with_error_details(code, "streams: 8 open", details.clone());
            let error = Error::from_status("http://here:1", &status);
            let Error::Unavailable { retry_after, .. } = error else {
                panic!("{error:?}");
            };
            assert_eq!(retry_after, Some(delay));
        }
        let status = Status::with_error_details(Code::NotFound, "model", details);
        let error = Error::from_status("http://here:1", &status);
        assert!(matches!(error, Error::Rejected { .. }), "{error:?}");
    }

    #[test]
    fn a_call_that_got_nowhere_is_told_from_one_that_broke() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        let mut status = Status::unavailable("tcp connect error");
        status.set_source(std::sync::Arc::new(ConnectError(refused.into())));
        let error = Error::from_status("http://here:1", &status);
        assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    }

    #[test]
    fn a_deadline_was_the_clients() {
        let error = classify(Code::DeadlineExceeded);
        assert!(matches!(error, Error::KeptWaiting { .. }));
    }

    #[test]
    fn internal_is_a_failure_of_the_server() {
        assert!(matches!(classify(Code::Internal), Error::Failed { .. }));
    }
}
