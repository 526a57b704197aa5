//! One classified channel.

use std::{mem, time::Duration};

use ser_features::{FrontEnd, Segment, Trigger};
use ser_proto::v1;

use super::{
    Recognition, checkpoint::Memory, clipping::ClippingDetector, grid::Grid, messages, resume,
};
use crate::{
    Error,
    batcher::RowBuffers,
    decision::{Decider, SummaryBuilder},
};

/// What belongs to one classified channel, from samples to summary.
pub(super) struct Lane {
    pub(super) front_end: FrontEnd,
    pub(super) clipping: ClippingDetector,
    /// Rows on their way through the model.
    pub(super) rows_in_flight: usize,
    /// What the model remembers, `[state]`; empty for a windowed model.
    pub(super) state: Vec<f32>,
    pub(super) decider: Decider,
    pub(super) summary: SummaryBuilder,
    /// Whether the client was told that the audio is overdriven.
    pub(super) clipping_told: bool,
}

/// Where a window lies: a [`Segment`] without its features.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    /// Counts the rows of the lane.
    pub(super) row: u64,
    pub(super) start: Duration,
    pub(super) end: Duration,
    pub(super) new_start: Duration,
    pub(super) end_sample: u64,
    pub(super) trigger: Trigger,
}

impl From<&Segment<'_>> for Span {
    fn from(segment: &Segment<'_>) -> Self {
        let &Segment {
            index: row,
            start,
            end,
            new_start,
            end_sample,
            trigger,
            ..
        } = segment;
        Self {
            row,
            start,
            end,
            new_start,
            end_sample,
            trigger,
        }
    }
}

impl Lane {
    /// Lane `index` of a session, where that begins, with what a checkpoint remembers of
    /// it.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] when the session begins where it can't.
    pub(super) fn new(
        recognition: &Recognition,
        index: usize,
        memory: Option<Memory>,
    ) -> Result<Self, Error> {
        let model = &recognition.model;
        let position = &recognition.position;
        let labels = model.manifest().labels.len();
        let told = recognition.told(position.results);
        let plan = recognition.plan.clone();
        let first_cell = Grid::cell_at(recognition.format, position.from);
        let cells_told = resume::cells_told(recognition, told);
        let lane = Self {
            front_end: FrontEnd::resume(plan, position.from, told.rows(index))
                .map_err(|error| Error::Internal(error.to_string()))?,
            clipping: ClippingDetector::new(recognition.format.encoding)
                .resume(first_cell, cells_told),
            rows_in_flight: 0,
            state: vec![0.0; model.info().shape.state],
            decider: Decider::new(&model.manifest().decision, recognition.smoothing, labels),
            summary: SummaryBuilder::new(labels, recognition.plan.window()),
            clipping_told: false,
        };
        Ok(match memory {
            Some(memory) => lane.remember(memory),
            None => lane,
        })
    }

    fn remember(mut self, memory: Memory) -> Self {
        if memory.clipping_told {
            self.clipping.silence();
        }
        Self {
            clipping_told: memory.clipping_told,
            state: memory.state,
            decider: self.decider.resume(memory.smoothed.unwrap_or_default()),
            summary: self.summary.resume(memory.totals),
            ..self
        }
    }

    /// Gives `row` the state to start from, and counts it.
    pub(super) fn send(&mut self, row: &mut RowBuffers) {
        row.state.copy_from_slice(&self.state);
        self.rows_in_flight += 1;
    }

    /// Takes back a row that the model has computed.
    pub(super) fn receive(&mut self, row: &mut RowBuffers) {
        mem::swap(&mut self.state, &mut row.next_state);
        self.rows_in_flight -= 1;
    }

    /// Decides on the next window. `posteriors` are `None` when nobody speaks.
    pub(super) fn decide(
        &mut self,
        recognition: &Recognition,
        span: Span,
        posteriors: Option<&[f32]>,
    ) -> v1::EmotionResult {
        let new = span.end.saturating_sub(span.new_start);
        let decision = self.decider.decide(new, posteriors);
        self.summary.add(new, &decision);
        recognition.model.metrics().decided(&decision);
        messages::result(recognition, span, &decision)
    }

    /// The summary of everything decided.
    pub(super) fn finish(self, recognition: &Recognition) -> v1::StreamSummary {
        messages::summary(
            recognition,
            self.front_end.received(),
            self.summary.finish(),
        )
    }
}
