//! Working memory.

use crate::aligned::Aligned;

/// Working memory of the kernels: grows to what the largest run needs and stays there.
/// Its content means nothing between runs.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(crate) h: Aligned,
    pub(crate) next_h: Aligned,
    pub(crate) c: Aligned,
}

impl Scratch {
    /// Empty; the first run gives it its size.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}
