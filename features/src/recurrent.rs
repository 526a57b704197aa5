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
    /// The index of the next row.
    next: u64,
    /// Frames in it so far.
    filled: usize,
    /// `[bands]`.
    levels: Box<[f32]>,
    /// `[steps, width]`.
    features: Box<[f32]>,
}

impl Recurrent {
    /// From row `next` on.
    pub(crate) fn new(analysis: &Arc<Analysis>, steps: usize, next: u64) -> Self {
        let width = analysis.features.width();
        Self {
            steps,
            width,
            hop_length: analysis.hop_length,
            reach: analysis.reach,
            next,
            filled: 0,
            levels: vec![0.0; analysis.features.bands()].into(),
            features: vec![0.0; steps * width].into(),
        }
    }

    /// The first frame of the next row.
    fn first(&self) -> u64 {
        self.next * self.steps as u64
    }

    /// Where a full row ends.
    fn end(&self, row: u64) -> u64 {
        ((row + 1) * self.steps as u64 - 1) * self.hop_length + self.reach
    }

    /// Full rows in so many samples.
    fn full_rows(&self, samples: u64) -> u64 {
        let frames = samples
            .checked_sub(self.reach)
            .map_or(0, |centre| centre / self.hop_length + 1);
        frames / self.steps as u64
    }

    /// Emits the row as far as it is filled.
    fn row(&mut self, (new_start, end): (u64, u64), frames: &Frames, emit: &mut Emit<'_>) {
        self.features[self.filled * self.width..].fill(0.0);
        emit(Row {
            index: self.next,
            start: 0,
            end,
            new_start,
            features: &self.features,
            valid_steps: self.filled,
            speech: frames.voiced_since(self.first()),
        });
        self.next += 1;
        self.filled = 0;
    }
}

impl Cadence for Recurrent {
    fn frame(&mut self, frames: &mut Frames) {
        let frame = frames.next();
        frames.levels(frame, 0, &mut self.levels);
        // Those before the row were told already; the voice detector needs them.
        if frame >= self.first() {
            let features = &mut self.features[self.filled * self.width..][..self.width];
            frames.analysis.features.frame(&self.levels, features);
            self.filled += 1;
        }
        frames.observe(&self.levels);
    }

    fn next_end(&self) -> u64 {
        self.end(self.next)
    }

    fn scheduled(&mut self, frames: &Frames, emit: &mut Emit<'_>) {
        let before = self.next.checked_sub(1);
        let new_start = before.map_or(0, |row| self.end(row));
        self.row((new_start, frames.end()), frames, emit);
    }

    /// The frames that reach beyond the end come on top of those of the begun
    /// row, so that there can be several rows; they share the audio evenly.
    fn close(&mut self, frames: &mut Frames, total: u64, emit: &mut Emit<'_>) {
        let full = self.full_rows(total);
        let reported = full.checked_sub(1).map_or(0, |row| self.end(row));
        let new = total - reported;
        if new == 0 {
            return;
        }
        let last = total / self.hop_length;
        let rows = (last + 1 - full * self.steps as u64).div_ceil(self.steps as u64);
        let end = |row: u64| reported + new * row / rows;
        // Of a resumed stream some of them may have been told already.
        for row in self.next.saturating_sub(full)..rows {
            while self.filled < self.steps && frames.next() <= last {
                self.frame(frames);
            }
            self.row((end(row), end(row + 1)), frames, emit);
        }
    }
}
