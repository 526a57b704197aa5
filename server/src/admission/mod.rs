//! Whether a stream or clip may begin, before any work is done for it.
//!
//! What is open is counted by the permits that streams and clips hold, so that a
//! place is free again as soon as its task has ended, however it ended.

mod brief;
mod caller;
mod clip;
mod live;
mod monitor;
mod overload;
mod pressure;
mod punctual;
mod refusal;
mod shares;
mod slots;
mod stream;
mod window;

use std::{net::SocketAddr, num::NonZeroUsize, sync::Arc, thread};

use crate::{
    Error,
    config::{Config, LimitsConfig},
    shutdown::Drain,
};

pub(crate) use brief::{BriefCalls, BriefPlaces};
pub(crate) use caller::Caller;
pub(crate) use clip::ClipPermit;
pub(crate) use pressure::Pressure;
pub use refusal::Refusal;
pub(crate) use stream::{SharedPermit, StreamPermit};

use live::Lives;
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
    live: Arc<Lives>,
    pressure: Arc<Pressure>,
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
                "streams",
                Refusal::PrincipalStreams,
                streams_per_principal.map_or(usize::MAX, NonZeroUsize::get),
            ),
            connections: Shares::new(
                "streams",
                Refusal::ConnectionStreams,
                usize::try_from(per_connection).unwrap_or(usize::MAX),
            ),
            live: Arc::new(Lives::new(&config.overload, cores())),
            pressure: Arc::new(Pressure::new(config.overload.lag)),
            drain,
        }
    }

    /// Watches how well the server keeps up, until it is dropped. Without it nothing is
    /// refused for lag. While it `is_loading` models, its work tells nothing of what
    /// streams cost.
    pub(crate) async fn watch(&self, is_loading: impl Fn() -> bool) {
        monitor::watch(self, is_loading).await;
    }

    /// Slows recordings as if live streams needed the time.
    #[cfg(test)]
    pub(crate) fn slow_bulk(&self, pause: std::time::Duration) {
        self.pressure.pause_bulk(pause);
    }

    /// What sessions tell of how well the server keeps up.
    pub(crate) fn pressure(&self) -> &Arc<Pressure> {
        &self.pressure
    }

    /// Streams and clips that are open.
    #[cfg(feature = "fuzzing")]
    pub(crate) fn open(&self) -> usize {
        self.streams.open() + self.clips.open()
    }

    /// A place for a stream of `caller`, whose config isn't known yet: it counts as a
    /// live one until it [begins](StreamPermit::begin).
    ///
    /// # Errors
    ///
    /// [`Error::TooMany`], [`Error::Overloaded`] and [`Error::ShuttingDown`].
    pub(crate) fn stream(&self, caller: &Caller) -> Result<StreamPermit, Error> {
        self.is_open()?;
        StreamPermit::live(self, caller)
    }

    /// Places for a clip of `caller`, whose request isn't read yet.
    ///
    /// # Errors
    ///
    /// [`Error::TooMany`], [`Error::Overloaded`] and [`Error::ShuttingDown`].
    pub(crate) fn clip(&self, caller: &Caller) -> Result<ClipPermit, Error> {
        self.is_open()?;
        self.live.overload().is_late()?;
        ClipPermit::new(self, caller)
    }

    fn is_open(&self) -> Result<(), Error> {
        if self.drain.has_begun() {
            return Err(Error::ShuttingDown);
        }
        Ok(())
    }
}

/// The processors that this process may use.
fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests;
