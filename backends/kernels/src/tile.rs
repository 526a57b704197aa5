//! Packed products: panels of weights, and the register tile that reads them.
//!
//! A tile is a panel's [`VECTORS`] vectors of outputs for a few rows. Each sum is one chain of
//! multiply-adds along the depth that starts at the bias, so that its bits are the same
//! whatever the number of rows in the tile.

use crate::{aligned::Aligned, simd::Simd};

/// Vectors of a panel's line. For an LSTM these are the four gates of the same units.
pub(crate) const VECTORS: usize = 4;

/// The weights of a product in the order in which they are read: panels of as many
/// columns as [`VECTORS`] vectors hold. A panel is a line of biases, and a line of
/// weights for each value of the input.
#[derive(Debug, Clone)]
pub(crate) struct Panels {
    count: usize,
    line_len: usize,
    /// Lines of a panel.
    lines: usize,
    values: Aligned,
}

impl Panels {
    /// Packs `count` panels for `depth` values of input, `value(panel, line, vector, lane)`
    /// each; line 0 is the biases.
    pub(crate) fn pack(
        lanes: usize,
        count: usize,
        depth: usize,
        value: impl Fn(usize, usize, usize, usize) -> f32,
    ) -> Self {
        let (line_len, lines) = (VECTORS * lanes, depth + 1);
        let mut values = Aligned::zeros(count * lines * line_len);
        for (index, target) in values.iter_mut().enumerate() {
            let (line, column) = (index / line_len, index % line_len);
            *target = value(line / lines, line % lines, column / lanes, column % lanes);
        }
        Self {
            count,
            line_len,
            lines,
            values,
        }
    }

    /// Packs a matrix of `depth` by `columns` values, `value(k, column)`, whose biases are
    /// `bias(column)`. What lies past the last column is zeros.
    pub(crate) fn pack_matrix(
        lanes: usize,
        [depth, columns]: [usize; 2],
        bias: impl Fn(usize) -> f32,
        value: impl Fn(usize, usize) -> f32,
    ) -> Self {
        let line_len = VECTORS * lanes;
        Self::pack(
            lanes,
            columns.div_ceil(line_len),
            depth,
            |panel, line, vector, lane| {
                let column = panel * line_len + vector * lanes + lane;
                match line {
                    _ if column >= columns => 0.0,
                    0 => bias(column),
                    _ => value(line - 1, column),
                }
            },
        )
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// A panel, from its line of biases on.
    #[inline(always)]
    pub(crate) fn panel(&self, panel: usize) -> &[f32] {
        let len = self.lines * self.line_len;
        &self.values[panel * len..][..len]
    }
}

/// The sums of a tile.
pub(crate) type Sums<S, const ROWS: usize> = [[<S as Simd>::Vector; VECTORS]; ROWS];

/// The rows' input: value `k` of row `r` lies at `r·stride + k·step`.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) stride: usize,
    pub(crate) step: usize,
}

/// The weights: line `k` lies at `k·stride`.
#[derive(Clone, Copy)]
pub(crate) struct Lines<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) stride: usize,
}

impl Lines<'_> {
    pub(crate) const EMPTY: Self = Self {
        values: &[],
        stride: 0,
    };
}

/// Sums that go on from what [`keep`] left, `stride` from row to row: 0 where all rows start
/// at the same line.
#[inline(always)]
pub(crate) fn resume<S: Simd, const ROWS: usize>(
    simd: S,
    source: &[f32],
    stride: usize,
) -> Sums<S, ROWS> {
    let mut sums = [[simd.splat(0.0); VECTORS]; ROWS];
    for (row, sums) in sums.iter_mut().enumerate() {
        for (vector, sum) in sums.iter_mut().enumerate() {
            *sum = simd.load(&source[row * stride + vector * S::LANES..]);
        }
    }
    sums
}

/// Writes sums, `stride` from row to row.
#[inline(always)]
pub(crate) fn keep<S: Simd, const ROWS: usize>(
    simd: S,
    sums: Sums<S, ROWS>,
    target: &mut [f32],
    stride: usize,
) {
    for (row, sums) in sums.into_iter().enumerate() {
        for (vector, sum) in sums.into_iter().enumerate() {
            simd.store(&mut target[row * stride + vector * S::LANES..], sum);
        }
    }
}

/// Adds `rows · lines` to the sums of `PANELS` panels side by side, `depth` values deep.
#[inline(always)]
pub(crate) fn accumulate<S: Simd, const ROWS: usize, const PANELS: usize>(
    simd: S,
    sums: &mut [Sums<S, ROWS>; PANELS],
    rows: Rows<'_>,
    lines: [Lines<'_>; PANELS],
    depth: usize,
) {
    if depth == 0 {
        return;
    }
    assert!(rows.values.len() > (ROWS - 1) * rows.stride + (depth - 1) * rows.step);
    for lines in lines {
        assert!(lines.values.len() >= (depth - 1) * lines.stride + VECTORS * S::LANES);
    }
    for k in 0..depth {
        let mut values = [simd.splat(0.0); ROWS];
        for (row, value) in values.iter_mut().enumerate() {
            // SAFETY: `row < ROWS` and `k < depth`, whose greatest index is checked above.
            #[allow(unsafe_code, reason = "the innermost loop, without bounds checks")]
            let source = unsafe { rows.values.get_unchecked(row * rows.stride + k * rows.step) };
            *value = simd.splat(*source);
        }
        for (sums, lines) in sums.iter_mut().zip(lines) {
            for vector in 0..VECTORS {
                // SAFETY: `k < depth` and `vector < VECTORS`, whose last value is checked above.
                #[allow(unsafe_code, reason = "the innermost loop, without bounds checks")]
                let line = unsafe {
                    let line = lines.values.as_ptr().add(k * lines.stride);
                    simd.load_from(line.add(vector * S::LANES))
                };
                for (sums, value) in sums.iter_mut().zip(values) {
                    sums[vector] = simd.mul_add(value, line, sums[vector]);
                }
            }
        }
    }
}

/// Work that is done tile by tile.
pub(crate) trait Tiles {
    /// The tile of `ROWS` rows from `row` on. Must be `#[inline(always)]`.
    fn tile<S: Simd, const ROWS: usize>(&mut self, simd: S, row: usize);

    /// All tiles of `rows` rows: the fewest that fit the registers, as even as can be.
    #[inline(always)]
    fn run_tiles<S: Simd>(&mut self, simd: S, rows: usize) {
        let tiles = rows.div_ceil(S::TILE_ROWS);
        for tile in 0..tiles {
            let row = tile * rows / tiles;
            match (tile + 1) * rows / tiles - row {
                1 => self.tile::<S, 1>(simd, row),
                2 if S::TILE_ROWS >= 2 => self.tile::<S, 2>(simd, row),
                3 if S::TILE_ROWS >= 3 => self.tile::<S, 3>(simd, row),
                4 if S::TILE_ROWS >= 4 => self.tile::<S, 4>(simd, row),
                5 if S::TILE_ROWS >= 5 => self.tile::<S, 5>(simd, row),
                6 if S::TILE_ROWS >= 6 => self.tile::<S, 6>(simd, row),
                more => unreachable!("{more} rows in a tile of at most {}", S::TILE_ROWS),
            }
        }
    }
}
