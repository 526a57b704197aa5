//! Rows of windowed models: the features of a whole window each.

use std::sync::Arc;

use crate::cadence::{Analysis, Cadence, Emit, Frames, Row};
use crate::log_mel::RowRing;
use crate::windows::Schedule;

/// A window's frames come from three places. Inner ones are computed once, as
/// their last sample comes, and wait in a ring. Those that reach back over the
/// window's start are computed at the same moment, with zeros before the start.
/// Those that reach beyond its end are computed there, with zeros after it. So
/// no sample older than a frame is ever needed.
pub(crate) struct Windowed {
    schedule: Schedule,
    hop_length: u64,
    edge_frames: u64,
    /// Index of the next window.
    next: u64,
    inner: RowRing,
    /// [`edge_frames`](Self::edge_frames) rows for each window that has slid off
    /// sample 0 and is open. Before sample 0 there are zeros anyhow.
    starts: RowRing,
    /// As many, for the window that is being closed.
    ends: RowRing,
    /// `[bands]`.
    levels: Box<[f32]>,
    /// `[steps, width]`.
    features: Box<[f32]>,
}

impl Windowed {
    /// From window `next` on.
    pub(crate) fn new(analysis: &Arc<Analysis>, schedule: Schedule, next: u64) -> Self {
        let features = &analysis.features;
        let bands = features.bands();
        let edge_frames = analysis.edge_frames();
        let inner = (schedule.window() + 1).saturating_sub(edge_frames).max(1);
        let open = schedule.window() / schedule.hop() + 1;
        let ring = |rows: u64| RowRing::new(rows as usize, bands);
        Self {
            schedule,
            hop_length: analysis.hop_length,
            edge_frames,
            next,
            inner: ring(inner),
            starts: ring(open * edge_frames),
            ends: ring(edge_frames),
            levels: vec![0.0; bands].into(),
            features: vec![0.0; Self::row_len(analysis, &schedule)].into(),
        }
    }

    /// Values of a row.
    pub(crate) fn row_len(analysis: &Analysis, schedule: &Schedule) -> usize {
        let features = &analysis.features;
        features.steps(schedule.window() as usize + 1) * features.width()
    }

    /// Where the last window ended, or 0.
    fn reported(&self) -> u64 {
        let last = self.next.checked_sub(1);
        last.map_or(0, |last| self.schedule.end(last) * self.hop_length)
    }

    /// Emits the next window, cut where the samples end.
    fn window(&mut self, frames: &Frames, emit: &mut Emit<'_>) {
        let analysis = &*frames.analysis;
        let window = self.next;
        let new_start = self.reported();
        self.next += 1;
        let first = self.schedule.start(window);
        let last = frames.last();
        // With the end of the audio `frames` has seen the cut ones, too.
        let first_cut = first.max(first_beyond(analysis, frames.end()));
        for frame in first_cut..=last {
            frames.levels(frame, first, self.ends.row_mut(frame));
        }
        let row = |frame: u64| {
            if frame >= first_cut {
                self.ends.row(frame)
            } else if first > 0 && frame - first < self.edge_frames {
                self.starts.row(window * self.edge_frames + (frame - first))
            } else {
                self.inner.row(frame)
            }
        };
        // usize: of ranges, only that of usize knows its length.
        let rows = (0..(last - first + 1) as usize).map(|step| row(first + step as u64));
        let width = analysis.features.width();
        let steps = self.features.len() / width;
        let valid_steps = analysis.features.steps(rows.len());
        let (padding, features) = self.features.split_at_mut((steps - valid_steps) * width);
        padding.fill(0.0);
        analysis.features.window(rows, &mut self.levels, features);
        emit(Row {
            index: window,
            start: first * self.hop_length,
            end: frames.end(),
            new_start,
            features: &self.features,
            valid_steps,
            speech: frames.voiced_since(first),
        });
    }
}

/// The first frame that reaches beyond sample `end`.
fn first_beyond(analysis: &Analysis, end: u64) -> u64 {
    end.checked_sub(analysis.reach)
        .map_or(0, |centre| centre / analysis.hop_length + 1)
}

impl Cadence for Windowed {
    fn frame(&mut self, frames: &mut Frames) {
        let frame = frames.next();
        let inner = self.inner.row_mut(frame);
        frames.levels(frame, 0, inner);
        frames.observe(inner);
        let Some(newest) = self.schedule.newest_slid(frame) else {
            return;
        };
        for window in (self.next..=newest).rev() {
            let start = self.schedule.start(window);
            if start == 0 || frame - start >= self.edge_frames {
                break;
            }
            let row = self
                .starts
                .row_mut(window * self.edge_frames + (frame - start));
            frames.levels(frame, start, row);
        }
    }

    fn next_end(&self) -> u64 {
        self.schedule.end(self.next) * self.hop_length
    }

    fn scheduled(&mut self, frames: &Frames, emit: &mut Emit<'_>) {
        self.window(frames, emit);
    }

    fn close(&mut self, frames: &mut Frames, total: u64, emit: &mut Emit<'_>) {
        if total <= self.reported() {
            return;
        }
        while frames.next() <= frames.last() {
            frames.levels(frames.next(), 0, &mut self.levels);
            frames.observe(&self.levels);
        }
        self.window(frames, emit);
    }
}
