//! One lane behind the resampler: samples at the model's rate in, rows out.

use crate::cadence::{Cadence, Frames, Row};
use crate::front_end::Trigger;

/// A row with what caused it.
pub(crate) struct LaneRow<'a> {
    pub(crate) row: Row<'a>,
    pub(crate) trigger: Trigger,
}

/// Brings samples, frames and rows together at the right positions, wherever
/// the samples were cut.
pub(crate) struct Lane {
    frames: Frames,
    cadence: Box<dyn Cadence>,
    /// All samples that there will be, once that is known.
    total: Option<u64>,
}

impl Lane {
    pub(crate) fn new(frames: Frames, cadence: Box<dyn Cadence>) -> Self {
        Self {
            frames,
            cadence,
            total: None,
        }
    }

    /// Says how many samples there will be in all.
    pub(crate) fn announce_end(&mut self, total: u64) {
        self.total = Some(total);
    }

    pub(crate) fn push(&mut self, mut samples: &[f32], emit: &mut impl FnMut(LaneRow<'_>)) {
        while !samples.is_empty() {
            let stop = self.frames.next_end().min(self.cadence.next_end());
            let count = (stop - self.frames.end()).min(samples.len() as u64) as usize;
            let (head, rest) = samples.split_at(count);
            samples = rest;
            self.frames.push(head);
            // A window that ends with a frame contains it: the frame goes first.
            if self.frames.end() == self.frames.next_end() {
                self.cadence.frame(&mut self.frames);
            }
            if self.frames.end() == self.cadence.next_end() {
                let mut emit = caused(self.total, emit);
                self.cadence.scheduled(&self.frames, &mut emit);
            }
        }
    }

    /// Emits what the end of the audio cuts short, if there is new audio.
    pub(crate) fn close(&mut self, emit: &mut impl FnMut(LaneRow<'_>)) {
        let total = self.total.unwrap_or(self.frames.end());
        let mut emit = caused(Some(total), emit);
        self.cadence.close(&mut self.frames, total, &mut emit);
    }
}

/// Tells the row that ends with the audio from the others.
fn caused<'a>(
    total: Option<u64>,
    emit: &'a mut impl FnMut(LaneRow<'_>),
) -> impl FnMut(Row<'_>) + 'a {
    move |row| {
        let trigger = if total == Some(row.end) {
            Trigger::EndOfStream
        } else {
            Trigger::Interval
        };
        emit(LaneRow { row, trigger });
    }
}
