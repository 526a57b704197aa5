//! Products with packed weights.

use crate::{
    Activation,
    math::{sigmoid, tanh},
    simd::Simd,
    tile::{self, Lines, Panels, Rows, Tiles, VECTORS},
};

/// `target = activation(values · weights + biases)`.
pub(crate) struct Product<'a> {
    pub(crate) weights: &'a Panels,
    /// `[rows, depth]`.
    pub(crate) values: &'a [f32],
    pub(crate) depth: usize,
    /// `[rows, stride]`, of which the first `columns` are written.
    pub(crate) target: &'a mut [f32],
    pub(crate) stride: usize,
    pub(crate) columns: usize,
    pub(crate) activation: Activation,
}

impl Product<'_> {
    #[inline(always)]
    pub(crate) fn run<S: Simd>(&mut self, simd: S, rows: usize) {
        for panel in 0..self.weights.count() {
            PanelProduct {
                product: self,
                panel,
            }
            .run_tiles(simd, rows);
        }
    }
}

struct PanelProduct<'a, 'b> {
    product: &'a mut Product<'b>,
    panel: usize,
}

impl Tiles for PanelProduct<'_, '_> {
    #[inline(always)]
    fn tile<S: Simd, const ROWS: usize>(&mut self, simd: S, row: usize) {
        let product = &mut *self.product;
        let line_len = VECTORS * S::LANES;
        let (bias, weights) = product.weights.panel(self.panel).split_at(line_len);
        let mut sums = [tile::resume::<S, ROWS>(simd, bias, 0)];
        let rows = Rows {
            values: &product.values[row * product.depth..],
            stride: product.depth,
            step: 1,
        };
        let lines = Lines {
            values: weights,
            stride: line_len,
        };
        tile::accumulate(simd, &mut sums, rows, [lines], product.depth);
        let [sums] = sums;
        for (r, sums) in sums.into_iter().enumerate() {
            let target = &mut product.target[(row + r) * product.stride..][..product.columns];
            let vectors = target[self.panel * line_len..].chunks_mut(S::LANES);
            for (sum, target) in sums.into_iter().zip(vectors) {
                let value = activate(simd, product.activation, sum);
                store_part(simd, target, value);
            }
        }
    }
}

#[inline(always)]
fn activate<S: Simd>(simd: S, activation: Activation, x: S::Vector) -> S::Vector {
    match activation {
        Activation::None => x,
        Activation::Relu => simd.max(simd.splat(0.0), x),
        Activation::Tanh => tanh(simd, x),
        Activation::Sigmoid => sigmoid(simd, x),
    }
}

/// Values of the greatest vector.
const MOST_LANES: usize = 16;

/// The vector whose first values are the slice's, and the others `rest`.
#[inline(always)]
pub(crate) fn load_part<S: Simd>(simd: S, source: &[f32], rest: f32) -> S::Vector {
    if source.len() >= S::LANES {
        return simd.load(source);
    }
    let mut values = [rest; MOST_LANES];
    values[..source.len()].copy_from_slice(source);
    simd.load(&values)
}

/// Stores as many of a vector's values as the slice has, [`Simd::LANES`] at most.
#[inline(always)]
pub(crate) fn store_part<S: Simd>(simd: S, target: &mut [f32], vector: S::Vector) {
    if target.len() >= S::LANES {
        return simd.store(target, vector);
    }
    let mut values = [0.0; MOST_LANES];
    simd.store(&mut values, vector);
    target.copy_from_slice(&values[..target.len()]);
}
