//! Working memory.

use crate::aligned::Aligned;

/// Working memory of the kernels: grows to what the largest run needs and stays there.
/// Its content means nothing between runs.
#[derive(Debug, Default)]
pub struct Scratch {
    /// States before and after a step, `[rows, padded hidden]`.
    pub(crate) h: Aligned,
    pub(crate) next_h: Aligned,
    pub(crate) c: Aligned,
    /// The sums of a tile.
    pub(crate) sums: Aligned,
    /// The input's part of the gates of the steps to come, `[lines, 4·padded hidden]`.
    pub(crate) projected: Aligned,
    /// Gradients by the gates of all steps, `[steps, rows, 4·padded hidden]`.
    pub(crate) gates: Aligned,
    /// Some lines of one block of them, `[lines, 4·lanes]`.
    pub(crate) lines: Aligned,
    /// Gradients by weights, `[values, 4·padded hidden]`.
    pub(crate) weights: Aligned,
}

impl Scratch {
    /// Empty; the first run gives it its size.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}
