//! The permit of one stream.

use std::{net::SocketAddr, num::NonZeroUsize};

use super::{Admission, Caller, shares::Share, slots::Slot};
use crate::Error;

/// A stream's places among the open ones: of the server, of its caller and of its
/// connection. Free again when dropped.
#[derive(Debug)]
pub(crate) struct StreamPermit {
    caller: Caller,
    slot: Slot,
    of_principal: Share<String>,
    of_connection: Option<Share<SocketAddr>>,
}

impl StreamPermit {
    /// Counts each of `lanes` as a stream, now that the config is known.
    ///
    /// # Errors
    ///
    /// [`Error::TooMany`].
    pub(crate) fn begin(&mut self, admission: &Admission, lanes: usize) -> Result<(), Error> {
        let more = Self::places(admission, &self.caller, lanes.saturating_sub(1))?;
        self.slot.merge(more.slot);
        self.of_principal.merge(more.of_principal);
        if let (Some(mine), Some(more)) = (&mut self.of_connection, more.of_connection) {
            mine.merge(more);
        }
        Ok(())
    }

    /// Places for so many more streams of `caller`; the limit that concerns it most
    /// narrowly is the one that it hears of.
    pub(super) fn places(
        admission: &Admission,
        caller: &Caller,
        count: usize,
    ) -> Result<Self, Error> {
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
            caller: caller.clone(),
            of_principal,
            of_connection,
        })
    }
}
