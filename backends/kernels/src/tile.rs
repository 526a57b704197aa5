//! The register tile, which every product is made of: a panel of [`PANEL`] vectors of
//! outputs for a few rows. Each sum is one chain of multiply-adds along the depth, so
//! that its bits are the same whatever the number of rows in the tile.

use crate::simd::Simd;

/// Vectors of a panel. For an LSTM these are the four gates of the same units.
pub(crate) const PANEL: usize = 4;

/// `ROWS` rows of a matrix in row order.
#[derive(Clone, Copy)]
pub(crate) struct Rows {
    pub(crate) first: *const f32,
    /// From one row to the next.
    pub(crate) stride: usize,
}

/// Adds `rows · weights` to the sums.
///
/// # Safety
/// `depth` values can be read from each of the `ROWS` rows, and `depth` lines of
/// [`PANEL`] vectors from each pointer in `weights`.
#[allow(unsafe_code, reason = "the innermost loop, without bounds checks")]
#[inline(always)]
pub(crate) unsafe fn accumulate<S: Simd, const ROWS: usize, const PANELS: usize>(
    simd: S,
    sums: &mut [[[S::Vector; PANEL]; ROWS]; PANELS],
    rows: Rows,
    weights: [*const f32; PANELS],
    depth: usize,
) {
    for k in 0..depth {
        // SAFETY: `k` is below `depth`.
        unsafe {
            let values: [S::Vector; ROWS] =
                std::array::from_fn(|row| simd.splat(*rows.first.add(row * rows.stride + k)));
            for (sums, weights) in sums.iter_mut().zip(weights) {
                for vector in 0..PANEL {
                    let weight = simd.load_from(weights.add((k * PANEL + vector) * S::LANES));
                    for (sums, value) in sums.iter_mut().zip(values) {
                        sums[vector] = simd.mul_add(value, weight, sums[vector]);
                    }
                }
            }
        }
    }
}
