//! Rows of many streams, one of each in turn.

use std::{collections::VecDeque, time::Instant};

use ser_backend::MAX_ROWS;

use super::row::QueuedRow;

/// When a stream's next row is due: the first round that it has no row in.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Round(u64);

/// Rows that wait, in rounds of at most one row of each stream. A stream that has many
/// waits for its second one until every other stream's first is taken, at no cost for
/// their number.
#[derive(Debug)]
pub(super) struct Rounds {
    /// The number of the first of `rounds`.
    first: u64,
    /// Never empty. Those that are done with are used again.
    rounds: VecDeque<VecDeque<QueuedRow>>,
    rows: usize,
}

impl Default for Rounds {
    fn default() -> Self {
        Self {
            first: 0,
            rounds: VecDeque::from([VecDeque::new()]),
            rows: 0,
        }
    }
}

impl Rounds {
    pub(super) fn len(&self) -> usize {
        self.rows
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Adds a row of the stream whose next row is due in the round `next`.
    pub(super) fn push(&mut self, row: QueuedRow, next: &mut Round) {
        let round = next.0.max(self.first);
        *next = Round(round + 1);
        let at = usize::try_from(round - self.first).expect("a stream has few rows here");
        // One behind the last at most: rounds only leave in front.
        if at >= self.rounds.len() {
            self.rounds.resize_with(at + 1, VecDeque::new);
        }
        self.rounds[at].push_back(row);
        self.rows += 1;
    }

    /// Takes the next row.
    pub(super) fn pop(&mut self) -> Option<QueuedRow> {
        self.rows = self.rows.checked_sub(1)?;
        self.skip_empty();
        self.rounds.front_mut()?.pop_front()
    }

    /// When the next row came.
    pub(super) fn since(&self) -> Option<Instant> {
        self.rounds
            .iter()
            .find_map(|round| Some(round.front()?.since))
    }

    /// Goes on to the first round that has rows, which there must be.
    fn skip_empty(&mut self) {
        while self.rounds[0].is_empty() {
            // A crowd once is no reason to keep its memory.
            self.rounds[0].shrink_to(MAX_ROWS);
            self.rounds.rotate_left(1);
            self.first += 1;
        }
    }
}
