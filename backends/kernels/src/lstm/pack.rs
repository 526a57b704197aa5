//! The layer's weights in the order in which they are read.

use super::LstmWeights;
use crate::tile::{Lines, Panels, VECTORS};

/// The weights by blocks of as many units as a vector has lanes. The four vectors of a
/// line are the input, output, forget and cell gates of the block's units, so that
/// the sums of a tile hold all that the states of its units need.
#[derive(Debug, Clone)]
pub(super) struct GatePanels {
    pub(super) width: usize,
    pub(super) hidden: usize,
    lanes: usize,
    padded_hidden: usize,
    panels: Panels,
}

/// The weights of a block.
pub(super) struct GatePanel<'a> {
    pub(super) bias: &'a [f32],
    /// A line for each value of the input.
    pub(super) input: Lines<'a>,
    /// A line for each unit of the state.
    pub(super) recurrent: Lines<'a>,
}

impl GatePanels {
    pub(super) fn new(weights: LstmWeights<'_>, lanes: usize) -> Self {
        let LstmWeights {
            width,
            hidden,
            w,
            r,
            b,
        } = weights;
        let value = |block: usize, line: usize, gate: usize, lane: usize| {
            let unit = block * lanes + lane;
            let row = gate * hidden + unit;
            match line {
                _ if unit >= hidden => 0.0,
                0 => b[row],
                _ if line <= width => w[row * width + line - 1],
                _ => r[row * hidden + line - 1 - width],
            }
        };
        Self {
            width,
            hidden,
            lanes,
            padded_hidden: hidden.next_multiple_of(lanes),
            panels: Panels::pack(lanes, hidden.div_ceil(lanes), width + hidden, value),
        }
    }

    /// Blocks of units.
    #[inline(always)]
    pub(super) fn blocks(&self) -> usize {
        self.panels.count()
    }

    /// Hidden units with those that fill the last block.
    #[inline(always)]
    pub(super) fn padded_hidden(&self) -> usize {
        self.padded_hidden
    }

    /// Gates of all units, with those that fill the last block.
    #[inline(always)]
    pub(super) fn line_len(&self) -> usize {
        VECTORS * self.padded_hidden()
    }

    #[inline(always)]
    pub(super) fn panel(&self, block: usize) -> GatePanel<'_> {
        let stride = VECTORS * self.lanes;
        let (bias, rest) = self.panels.panel(block).split_at(stride);
        let (input, recurrent) = rest.split_at(self.width * stride);
        let lines = |values| Lines { values, stride };
        GatePanel {
            bias,
            input: lines(input),
            recurrent: lines(recurrent),
        }
    }
}
