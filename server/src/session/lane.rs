//! One classified channel.

use std::{mem, time::Duration};

use ser_features::{FrontEnd, Segment, Trigger};
use ser_proto::v1;

use super::{Recognition, clipping::ClippingDetector, messages};
use crate::{
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
    state: Vec<f32>,
    decider: Decider,
    summary: SummaryBuilder,
}

/// Where a window lies: a [`Segment`] without its features.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) start: Duration,
    pub(super) end: Duration,
    pub(super) new_start: Duration,
    pub(super) end_sample: u64,
    pub(super) trigger: Trigger,
}

impl From<&Segment<'_>> for Span {
    fn from(segment: &Segment<'_>) -> Self {
        let &Segment {
            start,
            end,
            new_start,
            end_sample,
            trigger,
            ..
        } = segment;
        Self {
            start,
            end,
            new_start,
            end_sample,
            trigger,
        }
    }
}

impl Lane {
    pub(super) fn new(recognition: &Recognition) -> Self {
        let model = &recognition.model;
        let labels = model.manifest().labels.len();
        Self {
            front_end: FrontEnd::new(recognition.plan.clone()),
            clipping: ClippingDetector::new(recognition.format.encoding),
            rows_in_flight: 0,
            state: vec![0.0; model.info().shape.state],
            decider: Decider::new(&model.manifest().decision, recognition.smoothing, labels),
            summary: SummaryBuilder::new(labels, recognition.plan.window()),
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
