//! The grid that a session works its audio off on.

use ser_features::PcmFormat;

/// Cells of the grid in a second of audio.
pub(super) const CELLS_PER_SECOND: usize = 10;

/// Cuts bytes at absolute places, every tenth of a second of audio.
///
/// A session handles one cell at a time at most. That bounds the time that it
/// keeps a worker thread from other streams, and it fixes in which order the
/// results and warnings of several channels leave: it depends on the audio
/// alone, and not on where the client cut it into chunks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    cell_bytes: usize,
    /// Bytes of the current cell that have been handled.
    filled: usize,
}

impl Grid {
    /// The grid of audio that begins with sample `from` of its stream.
    pub(super) fn new(format: PcmFormat, from: u64) -> Self {
        let frames = Self::cell_frames(format);
        let filled = (from % frames) as usize;
        Self {
            cell_bytes: frames as usize * format.frame_bytes(),
            filled: filled * format.frame_bytes(),
        }
    }

    /// Samples of a channel in each cell.
    pub(super) fn cell_frames(format: PcmFormat) -> u64 {
        u64::from(format.sample_rate.hz()).div_ceil(CELLS_PER_SECOND as u64)
    }

    /// The cell that holds a sample.
    pub(super) fn cell_at(format: PcmFormat, sample: u64) -> u64 {
        sample / Self::cell_frames(format)
    }

    /// The cell that holds the last of so many samples.
    pub(super) fn cell_of(format: PcmFormat, samples: u64) -> u64 {
        Self::cell_at(format, samples.saturating_sub(1))
    }

    /// How many of `available` bytes belong to the current cell, and whether
    /// they fill it.
    pub(super) fn advance(&mut self, available: usize) -> (usize, bool) {
        let taken = available.min(self.cell_bytes - self.filled);
        self.filled = (self.filled + taken) % self.cell_bytes;
        (taken, taken > 0 && self.filled == 0)
    }
}
