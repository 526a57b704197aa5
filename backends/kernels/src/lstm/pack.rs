//! The layer's weights in the order in which they are read.

use super::LstmWeights;
use crate::{aligned::Aligned, tile::PANEL};

/// The weights by blocks of as many units as a vector has lanes. A block is lines of four
/// vectors, which are the input, output, forget and cell gates of its units: a line of
/// biases, one for each value of the input, one for each unit of the state. What lies
/// past the last unit is zeros.
#[derive(Debug, Clone)]
pub(crate) struct GateBlocks {
    pub(crate) width: usize,
    pub(crate) hidden: usize,
    lanes: usize,
    values: Aligned,
}

impl GateBlocks {
    pub(crate) fn new(weights: LstmWeights<'_>, lanes: usize) -> Self {
        let LstmWeights { width, hidden, .. } = weights;
        let mut blocks = Self {
            width,
            hidden,
            lanes,
            values: Aligned::default(),
        };
        blocks.values.resize(blocks.count() * blocks.block_len());
        let columns: [(&[f32], usize); 3] =
            [(weights.b, 1), (weights.w, width), (weights.r, hidden)];
        let block_len = blocks.block_len();
        for (block, target) in blocks.values.chunks_exact_mut(block_len).enumerate() {
            let mut lines = target.chunks_exact_mut(PANEL * lanes);
            for (matrix, columns) in columns {
                for (column, line) in (0..columns).zip(&mut lines) {
                    for gate in 0..PANEL {
                        for lane in 0..lanes.min(hidden - block * lanes) {
                            let unit = gate * hidden + block * lanes + lane;
                            line[gate * lanes + lane] = matrix[unit * columns + column];
                        }
                    }
                }
            }
        }
        blocks
    }

    /// Blocks of units.
    pub(crate) fn count(&self) -> usize {
        self.hidden.div_ceil(self.lanes)
    }

    /// Hidden units with those that fill the last block.
    pub(crate) fn padded_hidden(&self) -> usize {
        self.count() * self.lanes
    }

    fn line_len(&self) -> usize {
        PANEL * self.lanes
    }

    fn block_len(&self) -> usize {
        (1 + self.width + self.hidden) * self.line_len()
    }

    /// A block.
    pub(crate) fn block(&self, block: usize) -> &[f32] {
        &self.values[block * self.block_len()..][..self.block_len()]
    }
}
