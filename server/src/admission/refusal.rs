//! Why calls are refused.

use crate::Error;

/// Why a call was refused before any work was done for it: what metrics count refusals
/// by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The models aren't loaded yet.
    Loading,
    /// The server stops.
    Draining,
    /// As many streams are open as may be.
    Streams,
    /// The caller has as many streams open as it may have.
    PrincipalStreams,
    /// As many streams are open on the connection as may be.
    ConnectionStreams,
    /// As many clips are open as may be.
    Clips,
    /// As many calls without audio are open as may be.
    Calls,
    /// As many of them are open on the connection as may be.
    ConnectionCalls,
    /// As many of them as may be stay open to watch.
    Watches,
    /// The request of a call without audio didn't come in time.
    Late,
    /// As many uncommon sample rates are in use as may be.
    SampleRates,
    /// The open streams need all that the server has, or soon will.
    Overloaded,
}

impl Refusal {
    /// Every reason there is.
    pub const ALL: [Self; 12] = [
        Self::Loading,
        Self::Draining,
        Self::Streams,
        Self::PrincipalStreams,
        Self::ConnectionStreams,
        Self::Clips,
        Self::Calls,
        Self::ConnectionCalls,
        Self::Watches,
        Self::Late,
        Self::SampleRates,
        Self::Overloaded,
    ];

    /// What metrics call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Loading => "loading",
            Self::Draining => "draining",
            Self::Streams => "streams",
            Self::PrincipalStreams => "principal_streams",
            Self::ConnectionStreams => "connection_streams",
            Self::Clips => "clips",
            Self::Calls => "calls",
            Self::ConnectionCalls => "connection_calls",
            Self::Watches => "watches",
            Self::Late => "late",
            Self::SampleRates => "sample_rates",
            Self::Overloaded => "overloaded",
        }
    }

    /// Which of them `error` is, if any.
    #[must_use]
    pub fn of(error: &Error) -> Option<Self> {
        match error {
            Error::Loading => Some(Self::Loading),
            Error::ShuttingDown => Some(Self::Draining),
            Error::TooMany { refusal, .. } => *refusal,
            Error::Overloaded { .. } => Some(Self::Overloaded),
            _ => None,
        }
    }
}
