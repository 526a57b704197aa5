//! Whether a stream or clip may begin, before any work is done for it.
//!
//! What is open is counted by the permits that streams and clips hold, so that a
//! place is free again as soon as its task has ended, however it ended.

mod caller;
mod clip;
mod refusal;
mod shares;
mod slots;
mod stream;

use std::net::SocketAddr;

use crate::{
    Error,
    config::{Config, LimitsConfig},
    shutdown::Drain,
};

pub(crate) use caller::Caller;
pub(crate) use clip::ClipPermit;
pub use refusal::Refusal;
pub(crate) use stream::StreamPermit;

use shares::Shares;
use slots::Slots;

/// What may be open at once, and what is.
#[derive(Debug)]
pub(crate) struct Admission {
    streams: Slots,
    clips: Slots,
    /// By their names, since a reload may change all else of them.
    principals: Shares<String>,
    connections: Shares<SocketAddr>,
    drain: Drain,
}

impl Admission {
    pub(crate) fn new(config: &Config, drain: Drain) -> Self {
        let LimitsConfig {
            open_streams,
            streams_per_principal,
            open_clips,
            ..
        } = config.limits;
        let per_connection = config.server.streams_per_connection;
        Self {
            streams: Slots::new("streams", Refusal::Streams, open_streams.get()),
            clips: Slots::new("clips", Refusal::Clips, open_clips.get()),
            principals: Shares::new(
                Refusal::PrincipalStreams,
                streams_per_principal.unwrap_or(open_streams).get(),
            ),
            connections: Shares::new(
                Refusal::ConnectionStreams,
                usize::try_from(per_connection).unwrap_or(usize::MAX),
            ),
            drain,
        }
    }

    /// A place for a stream of `caller`, whose config isn't known yet: it counts as one
    /// until it [begins](StreamPermit::begin).
    ///
    /// # Errors
    ///
    /// [`Error::TooMany`], and [`Error::ShuttingDown`].
    pub(crate) fn stream(&self, caller: &Caller) -> Result<StreamPermit, Error> {
        self.is_open()?;
        StreamPermit::places(self, caller, 1)
    }

    /// A place for a clip, whose request isn't read yet.
    ///
    /// # Errors
    ///
    /// [`Error::TooMany`], and [`Error::ShuttingDown`].
    pub(crate) fn clip(&self) -> Result<ClipPermit, Error> {
        self.is_open()?;
        Ok(ClipPermit::new(self.clips.take(1)?))
    }

    /// Places for the channels of a clip, each of which counts as a stream.
    ///
    /// # Errors
    ///
    /// [`Error::TooMany`].
    pub(crate) fn lanes(&self, caller: &Caller, lanes: usize) -> Result<StreamPermit, Error> {
        StreamPermit::places(self, caller, lanes)
    }

    fn is_open(&self) -> Result<(), Error> {
        if self.drain.has_begun() {
            return Err(Error::ShuttingDown);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
