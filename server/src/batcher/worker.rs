//! A thread that owns one instance of a model.

use std::{collections::VecDeque, mem, sync::Arc, time::Instant};

use ser_backend::{Batch, MAX_ROWS, Model};

use crate::telemetry::BatchSpan;

use super::{
    row::QueuedRow,
    shared::{Abandoned, Seat, Shared},
    statistics::Moments,
};

pub(super) struct Worker {
    /// First, so that they are given up on before anything else is torn down.
    rows: VecDeque<QueuedRow>,
    batch: Batch,
    model: Box<dyn Model>,
    /// Last, so that the model is gone when the worker is said to have left.
    place: Place,
}

/// A worker's place among the others, until it is dropped.
struct Place {
    shared: Arc<Shared>,
    seat: Seat,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.leave(self.seat);
    }
}

impl Worker {
    pub(super) fn new(shared: Arc<Shared>, model: Box<dyn Model>) -> Self {
        let seat = shared.enter();
        Self {
            rows: VecDeque::with_capacity(MAX_ROWS),
            batch: Batch::new(shared.shape()),
            model,
            place: Place { shared, seat },
        }
    }

    /// Runs batches until there are no more. Rows that it then still holds are
    /// dropped unanswered, which tells their streams that the model is down.
    pub(super) fn run(mut self) {
        while self.place.shared.next_batch(&mut self.rows) {
            if let Err(Abandoned) = self.run_batch() {
                return;
            }
        }
    }

    fn run_batch(&mut self) -> Result<(), Abandoned> {
        let traced = self
            .rows
            .iter()
            .filter_map(|row| Some((row.span.as_ref()?, row.since)));
        let attributes = self.place.shared.metrics().attributes();
        let batch = BatchSpan::begin(traced, self.rows.len(), attributes);
        if self.infer(self.rows.len(), batch.as_ref())? {
            return Ok(());
        }
        while !self.rows.is_empty() {
            if !self.infer(1, batch.as_ref())?
                && let Some(row) = self.rows.pop_front()
            {
                self.place.shared.statistics.failed(row.since);
                row.fail();
            }
        }
        Ok(())
    }

    /// Computes and answers the first `count` rows; false if that failed, and
    /// the rows are still there.
    fn infer(&mut self, count: usize, traced: Option<&BatchSpan>) -> Result<bool, Abandoned> {
        let Self {
            model,
            batch,
            rows,
            place: Place { shared, seat },
        } = self;
        let taken = Instant::now();
        batch.clear();
        for row in rows.iter().take(count) {
            batch.push(row.buffers.inputs());
        }
        let called = Instant::now();
        let mut span = traced.map(|traced| traced.infer(count));
        let outcome = shared.call(*seat, rows, || model.infer(batch))?;
        if let Some(span) = span.take_if(|_| !matches!(outcome, Ok(Ok(())))) {
            span.fail();
        }
        drop(span);
        match outcome {
            Ok(Ok(())) => {
                let moments = Moments {
                    taken,
                    called,
                    returned: Instant::now(),
                };
                let queued = rows.iter().take(count).map(|row| row.since);
                shared.statistics.computed(queued, moments);
                let took = moments.returned - called;
                shared.metrics().inferred(count, took);
                let share = took / u32::try_from(count).expect("a batch has at most 64 rows");
                for (at, row) in rows.drain(..count).enumerate() {
                    row.finish(batch.posteriors(at), batch.next_state(at), share);
                }
                Ok(true)
            }
            Ok(Err(error)) => {
                shared.call_failed(count, &error.to_string());
                Ok(false)
            }
            Err(panic) => {
                shared.call_failed(count, &panic);
                self.replace_model()?;
                Ok(false)
            }
        }
    }

    /// Goes on with a new instance: nobody knows what a panic left of the old.
    fn replace_model(&mut self) -> Result<(), Abandoned> {
        let Self {
            model,
            rows,
            place: Place { shared, seat },
            ..
        } = self;
        let replaced = shared.call(*seat, rows, || {
            // The old instance is dropped in here, where it may panic once more.
            shared
                .replacement()
                .map(|new| drop(mem::replace(model, new)))
        })?;
        replaced.and_then(|made| made).map_err(|reason| {
            shared.fail(&reason);
            Abandoned
        })
    }
}
