//! What is queued for a model, and what its workers do.

use std::{
    collections::VecDeque,
    mem,
    time::{Duration, Instant},
};

use super::{queue::Queue, row::QueuedRow};

/// What is queued, and what the workers do: everything behind one lock.
#[derive(Debug)]
pub(super) struct State {
    pub(super) phase: Phase,
    pub(super) queue: Queue,
    /// Whether a worker is waiting for its batch to fill. The others leave the
    /// queue alone meanwhile.
    pub(super) collecting: bool,
    pub(super) workers: Vec<Activity>,
    /// Whether the watchdog waits for a call to begin.
    pub(super) watchdog_idle: bool,
}

/// How far a model has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Open,
    /// No more rows will come.
    Closing,
    /// The model has failed.
    Down,
}

/// What a worker does.
#[derive(Debug)]
pub(super) enum Activity {
    Between,
    /// In a call, whose rows wait here, within the watchdog's reach.
    Calling {
        since: Instant,
        rows: VecDeque<QueuedRow>,
    },
    /// Left, or abandoned in a call.
    Gone,
}

impl State {
    /// Before the first row and the first worker.
    pub(super) fn new() -> Self {
        Self {
            phase: Phase::Open,
            queue: Queue::default(),
            collecting: false,
            workers: Vec::new(),
            watchdog_idle: false,
        }
    }

    /// Whether no worker is left.
    pub(super) fn all_gone(&self) -> bool {
        self.workers
            .iter()
            .all(|worker| matches!(worker, Activity::Gone))
    }

    /// When the call began that has taken longest.
    pub(super) fn oldest_call(&self) -> Option<Instant> {
        let since = |worker: &Activity| match worker {
            Activity::Calling { since, .. } => Some(*since),
            _ => None,
        };
        self.workers.iter().filter_map(since).min()
    }

    /// Gives up on the workers whose calls take longer than `limit`, and hands
    /// over their rows.
    pub(super) fn abandon(&mut self, limit: Duration) -> Vec<VecDeque<QueuedRow>> {
        let mut orphans = Vec::new();
        for worker in &mut self.workers {
            if matches!(worker, Activity::Calling { since, .. } if since.elapsed() >= limit) {
                orphans.push(worker.take_rows());
                *worker = Activity::Gone;
            }
        }
        orphans
    }
}

impl Activity {
    /// The rows of the call that it is in.
    pub(super) fn take_rows(&mut self) -> VecDeque<QueuedRow> {
        match self {
            Self::Calling { rows, .. } => mem::take(rows),
            Self::Between | Self::Gone => VecDeque::new(),
        }
    }
}
