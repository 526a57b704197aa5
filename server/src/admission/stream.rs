//! The permit of one stream.

use std::{
    net::SocketAddr,
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
};

use super::{Admission, Caller, live::Live, shares::Share, slots::Slot};
use crate::{Error, batcher::Pace};

/// A stream's places among the open ones: of the server, of its caller and of its
/// connection. Free again when dropped.
#[derive(Debug)]
pub(crate) struct StreamPermit {
    caller: Caller,
    places: Places,
    /// None of a recording.
    live: Vec<Live>,
}

#[derive(Debug)]
struct Places {
    slot: Slot,
    of_principal: Share<String>,
    of_connection: Option<Share<SocketAddr>>,
}

impl StreamPermit {
    /// One live stream.
    pub(super) fn live(admission: &Admission, caller: &Caller) -> Result<Self, Error> {
        let places = Places::take(admission, caller, 1)?;
        let live = admission.live.begin(1, admission.live.open())?;
        Ok(Self {
            caller: caller.clone(),
            places,
            live: vec![live],
        })
    }

    /// One recording.
    pub(super) fn recording(admission: &Admission, caller: &Caller) -> Result<Self, Error> {
        Ok(Self {
            caller: caller.clone(),
            places: Places::take(admission, caller, 1)?,
            live: Vec::new(),
        })
    }

    /// Counts each of `lanes` as a stream, and those of a recording not as live ones,
    /// now that the config is known.
    ///
    /// # Errors
    ///
    /// [`Error::TooMany`] and [`Error::Overloaded`].
    pub(crate) fn begin(
        &mut self,
        admission: &Admission,
        lanes: usize,
        pace: Pace,
    ) -> Result<(), Error> {
        let more = lanes.saturating_sub(1);
        self.places
            .add(Places::take(admission, &self.caller, more)?);
        match pace {
            Pace::Bulk => self.live.clear(),
            Pace::Live if more > 0 => {
                // But for this stream itself, of which one channel has begun.
                let others = admission.live.open().saturating_sub(1);
                self.live.push(admission.live.begin(more, others)?);
            }
            Pace::Live => {}
        }
        Ok(())
    }
}

/// A stream's permit, which its session and its transport hold.
#[derive(Clone, Debug)]
pub(crate) struct SharedPermit(Arc<Mutex<StreamPermit>>);

impl SharedPermit {
    pub(crate) fn new(permit: StreamPermit) -> Self {
        Self(Arc::new(Mutex::new(permit)))
    }

    /// See [`StreamPermit::begin`].
    ///
    /// # Errors
    ///
    /// The same.
    pub(crate) fn begin(
        &self,
        admission: &Admission,
        lanes: usize,
        pace: Pace,
    ) -> Result<(), Error> {
        // Whoever panicked with it took no place that isn't counted.
        let mut permit = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        permit.begin(admission, lanes, pace)
    }
}

impl Places {
    /// Places for so many more streams of `caller`; the limit that concerns it most
    /// narrowly is the one that it hears of.
    fn take(admission: &Admission, caller: &Caller, count: usize) -> Result<Self, Error> {
        let Caller {
            principal,
            connection,
        } = caller;
        let of_connection = connection.map(|connection| {
            let name = || "this connection".to_owned();
            admission.connections.take(&connection, count, None, name)
        });
        let of_connection = of_connection.transpose()?;
        let (name, own) = (principal.to_string(), principal.streams());
        let quoted = || format!("{name:?}");
        let own = own.map(NonZeroUsize::get);
        let of_principal = admission.principals.take(&name, count, own, quoted)?;
        Ok(Self {
            slot: admission.streams.take(count)?,
            of_principal,
            of_connection,
        })
    }

    fn add(&mut self, more: Self) {
        self.slot.merge(more.slot);
        self.of_principal.merge(more.of_principal);
        if let (Some(mine), Some(more)) = (&mut self.of_connection, more.of_connection) {
            mine.merge(more);
        }
    }
}
