//! Everything that can go wrong between audio and results.

mod status;
#[cfg(test)]
mod tests;

use std::{io, path::PathBuf, time::Duration};

use ser_features::FeatureError;
use tonic::Code;

use crate::TlsFault;

pub(crate) use status::{cause, root_cause};

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
}

fn seconds(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64())
}
