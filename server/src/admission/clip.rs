//! The permit of one clip.

use super::slots::Slot;

/// A clip's place among the open ones, free again when dropped.
#[derive(Debug)]
pub(crate) struct ClipPermit {
    _slot: Slot,
}

impl ClipPermit {
    pub(super) fn new(slot: Slot) -> Self {
        Self { _slot: slot }
    }
}
