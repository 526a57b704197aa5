//! The permit of one clip.

use std::sync::Arc;

use tonic::Extensions;

use super::{Admission, Caller, SharedPermit, StreamPermit, slots::Slot};
use crate::{Error, batcher::Pace};

/// A clip's place among the open ones, and its caller's and connection's share of the
/// streams. Free again when all clones are dropped.
#[derive(Clone, Debug)]
pub(crate) struct ClipPermit {
    caller: Caller,
    lanes: SharedPermit,
    _slot: Arc<Slot>,
}

impl ClipPermit {
    /// A clip counts as one stream from the start: nobody fills all places with requests
    /// that never end.
    pub(super) fn new(admission: &Admission, caller: &Caller) -> Result<Self, Error> {
        let lane = StreamPermit::recording(admission, caller)?;
        Ok(Self {
            caller: caller.clone(),
            lanes: SharedPermit::new(lane),
            _slot: Arc::new(admission.clips.take(1)?),
        })
    }

    /// That of a request which was admitted.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] of one that wasn't.
    pub(crate) fn of(extensions: &Extensions) -> Result<Self, Error> {
        let permit = extensions.get::<Self>().cloned();
        permit.ok_or_else(|| Error::Internal("a clip that nobody admitted".to_owned()))
    }

    /// Whose clip it is.
    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Counts each of its channels as a stream, now that they are known.
    ///
    /// # Errors
    ///
    /// [`Error::TooMany`].
    pub(crate) fn begin(&self, admission: &Admission, lanes: usize) -> Result<(), Error> {
        self.lanes.begin(admission, lanes, Pace::Bulk)
    }
}
