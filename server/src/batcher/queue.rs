//! The order in which rows reach the model.

use std::{collections::VecDeque, time::Instant};

use ser_backend::MAX_ROWS;

use super::{
    rounds::{Round, Rounds},
    row::{Pace, QueuedRow},
};

/// Rows that wait for a worker, at each pace one of each stream in turn.
#[derive(Debug, Default)]
pub(super) struct Queue {
    live: Rounds,
    bulk: Rounds,
}

/// How many places of the queue became free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Freed {
    pub(super) live: usize,
    pub(super) bulk: usize,
}

impl Queue {
    /// Adds a row of the stream whose next row is due in the round `next`.
    pub(super) fn push(&mut self, row: QueuedRow, next: &mut Round) {
        match row.pace {
            Pace::Live => self.live.push(row, next),
            Pace::Bulk => self.bulk.push(row, next),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.live.is_empty() && self.bulk.is_empty()
    }

    pub(super) fn fills_a_batch(&self) -> bool {
        self.live.len() + self.bulk.len() >= MAX_ROWS
    }

    /// When the first row of the next batch came.
    pub(super) fn oldest(&self) -> Option<Instant> {
        [&self.live, &self.bulk]
            .into_iter()
            .filter_map(Rounds::since)
            .min()
    }

    /// Moves the next batch to `batch`, which is empty, and skips rows that
    /// nobody waits for any more.
    pub(super) fn take(&mut self, batch: &mut VecDeque<QueuedRow>) -> Freed {
        let (live, bulk) = (self.live.len(), self.bulk.len());
        let for_bulk = usize::from(!self.bulk.is_empty());
        take_wanted(&mut self.live, batch, MAX_ROWS - for_bulk);
        take_wanted(&mut self.bulk, batch, MAX_ROWS);
        // The place kept for a bulk row, if those turned out to be cancelled.
        take_wanted(&mut self.live, batch, MAX_ROWS);
        Freed {
            live: live - self.live.len(),
            bulk: bulk - self.bulk.len(),
        }
    }
}

/// Moves rows from `waiting` until `batch` holds `rows`.
fn take_wanted(waiting: &mut Rounds, batch: &mut VecDeque<QueuedRow>, rows: usize) {
    while batch.len() < rows
        && let Some(row) = waiting.pop()
    {
        if !row.is_cancelled() {
            batch.push_back(row);
        }
    }
}
