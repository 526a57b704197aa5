//! One row on its way from a stream to a model and back.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use ser_backend::{Row, RowShape};
use tokio::sync::oneshot;

use crate::{Error, telemetry::WindowSpan};

/// How soon a row has to be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Somebody is speaking: the row goes into the next batch.
    Live,
    /// A recording is worked off: the row takes a place that live rows leave
    /// free.
    Bulk,
}

/// The buffers of one row. They move into the batcher and come back with the
/// result, so that a stream allocates them once.
#[derive(Clone, Debug, PartialEq)]
pub struct RowBuffers {
    /// Input, `[steps, width]`, row-major.
    pub features: Vec<f32>,
    /// Input, `[state]`; empty for a windowed model.
    pub state: Vec<f32>,
    /// Input: how many of the steps hold audio.
    pub valid_steps: usize,
    /// Output, `[classes]`.
    pub posteriors: Vec<f32>,
    /// Output, `[state]`; empty for a windowed model.
    pub next_state: Vec<f32>,
    /// Output: the row's share of the time that its call took.
    pub share: Duration,
}

impl RowBuffers {
    /// Buffers of zeros: the state a stream starts with.
    #[must_use]
    pub fn new(shape: RowShape) -> Self {
        Self {
            features: vec![0.0; shape.features()],
            state: vec![0.0; shape.state],
            valid_steps: shape.steps,
            posteriors: vec![0.0; shape.classes],
            next_state: vec![0.0; shape.state],
            share: Duration::ZERO,
        }
    }

    pub(super) fn fits(&self, shape: RowShape) -> bool {
        self.features.len() == shape.features()
            && self.state.len() == shape.state
            && (1..=shape.steps).contains(&self.valid_steps)
            && self.posteriors.len() == shape.classes
            && self.next_state.len() == shape.state
    }

    pub(super) fn inputs(&self) -> Row<'_> {
        Row {
            features: &self.features,
            state: &self.state,
            valid_steps: self.valid_steps,
        }
    }
}

/// Why a row has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// The model failed on this row; other rows go on.
    #[error("inference failed")]
    Failed,
    /// The model is down, and every row with it.
    #[error("not serving")]
    ModelDown,
}

impl RowError {
    /// What the clients of this model are told.
    pub(crate) fn of_model(self, id: &str) -> Error {
        let model = id.to_owned();
        match self {
            Self::Failed => Error::InferenceFailed { model },
            Self::ModelDown => Error::NotServing { model },
        }
    }
}

/// A row that is queued or being computed. Dropping it before its batch is made
/// up cancels the row.
#[derive(Debug)]
#[must_use = "a dropped row is never computed"]
pub struct PendingRow {
    answer: oneshot::Receiver<Result<RowBuffers, RowError>>,
}

impl Future for PendingRow {
    type Output = Result<RowBuffers, RowError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // Whoever has to give up on rows drops them.
        Pin::new(&mut self.answer)
            .poll(context)
            .map(|answer| answer.unwrap_or(Err(RowError::ModelDown)))
    }
}

/// The batcher's half of a [`PendingRow`]. Dropped without an answer, it tells
/// the stream that the model is down.
#[derive(Debug)]
pub(super) struct QueuedRow {
    pub(super) buffers: RowBuffers,
    pub(super) since: Instant,
    pub(super) pace: Pace,
    /// Of its window, if that is traced.
    pub(super) span: Option<WindowSpan>,
    answer: oneshot::Sender<Result<RowBuffers, RowError>>,
}

impl QueuedRow {
    pub(super) fn new(
        buffers: RowBuffers,
        pace: Pace,
        span: Option<WindowSpan>,
    ) -> (Self, PendingRow) {
        let (sender, receiver) = oneshot::channel();
        let queued = Self {
            buffers,
            since: Instant::now(),
            pace,
            span,
            answer: sender,
        };
        (queued, PendingRow { answer: receiver })
    }

    /// Whether nobody waits for the result any more.
    pub(super) fn is_cancelled(&self) -> bool {
        self.answer.is_closed()
    }

    /// Hands over the outputs, or fails the row if one of them isn't finite.
    pub(super) fn finish(mut self, posteriors: &[f32], next_state: &[f32], share: Duration) {
        let finite = posteriors
            .iter()
            .chain(next_state)
            .all(|value| value.is_finite());
        if !finite {
            return self.fail();
        }
        self.buffers.posteriors.copy_from_slice(posteriors);
        self.buffers.next_state.copy_from_slice(next_state);
        self.buffers.share = share;
        // The stream may have gone while its row was computed.
        let _ = self.answer.send(Ok(self.buffers));
    }

    pub(super) fn fail(self) {
        let _ = self.answer.send(Err(RowError::Failed));
    }
}
