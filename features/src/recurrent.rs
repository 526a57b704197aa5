//! Rows of recurrent models: a fixed number of new frames each.

use std::sync::Arc;

use crate::cadence::{Analysis, Cadence, Emit, Frames, Row};

/// Row i holds frames i × `steps` on, and ends where the samples of its last
/// frame end: nothing waits for more audio than it needs.
pub(crate) struct Recurrent {
    steps: usize,
    width: usize,
    hop_length: u64,
    reach: u64,
    /// Frames in the row so far.
    filled: usize,
    /// The row's first frame.
    first: u64,
    /// `[bands]`.
    levels: Box<[f32]>,
    /// `[steps, width]`.
    features: Box<[f32]>,
}

impl Recurrent {
    pub(crate) fn new(analysis: &Arc<Analysis>, steps: usize) -> Self {
        let width = analysis.features.width();
        Self {
            steps,
            width,
            hop_length: analysis.hop_length,
            reach: analysis.reach,
            filled: 0,
            first: 0,
            levels: vec![0.0; analysis.features.bands()].into(),
            features: vec![0.0; steps * width].into(),
        }
    }

    /// Emits the row as far as it is filled.
    fn row(&mut self, end: u64, frames: &Frames, emit: &mut Emit<'_>) {
        self.features[self.filled * self.width..].fill(0.0);
        emit(Row {
            start: 0,
            end,
            features: &self.features,
            valid_steps: self.filled,
            speech: frames.voiced_since(self.first),
        });
        self.first += self.filled as u64;
        self.filled = 0;
    }
}

impl Cadence for Recurrent {
    fn frame(&mut self, frames: &mut Frames) {
        frames.levels(frames.next(), 0, &mut self.levels);
        let features = &mut self.features[self.filled * self.width..][..self.width];
        frames.analysis.features.frame(&self.levels, features);
        frames.observe(&self.levels);
        self.filled += 1;
    }

    fn next_end(&self) -> u64 {
        (self.first + self.steps as u64 - 1) * self.hop_length + self.reach
    }

    fn scheduled(&mut self, frames: &Frames, emit: &mut Emit<'_>) {
        self.row(frames.end(), frames, emit);
    }

    /// The frames that reach beyond the end come on top of those of the begun
    /// row, so that there can be several rows; they share the audio evenly.
    fn close(&mut self, frames: &mut Frames, reported: u64, emit: &mut Emit<'_>) {
        let rows = (frames.last() + 1 - self.first).div_ceil(self.steps as u64);
        let new = frames.end() - reported;
        for row in 1..=rows {
            while self.filled < self.steps && frames.next() <= frames.last() {
                self.frame(frames);
            }
            self.row(reported + new * row / rows, frames, emit);
        }
    }
}
