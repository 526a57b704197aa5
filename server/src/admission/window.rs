//! The last second of the server's life.

use std::{collections::VecDeque, time::Duration};

use super::pressure::Seen;

/// Looks that a second takes.
const LOOKS: usize = 10;
/// Fewer streams than this tell nothing of what one costs.
const FEWEST_STREAMS: u32 = 16;
/// Looks that the immediate past takes.
const RECENT: usize = 3;

/// What one look at the server shows of the time since the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Look {
    pub(super) time: Duration,
    pub(super) seen: Seen,
    /// Processor time of the process.
    pub(super) processor: Duration,
    /// Whether models were loaded meanwhile.
    pub(super) is_loading: bool,
    /// Live streams, each as long as it was open, that cost what they will cost.
    pub(super) settled: Duration,
}

/// The looks of the last second.
#[derive(Debug, Default)]
pub(super) struct Window {
    looks: VecDeque<Look>,
}

impl Window {
    pub(super) fn push(&mut self, look: Look) {
        if self.looks.len() == LOOKS {
            self.looks.pop_front();
        }
        self.looks.push_back(look);
    }

    /// All of it together.
    pub(super) fn whole(&self) -> Look {
        self.looks.iter().copied().fold(Look::default(), Look::and)
    }

    /// The last few looks together.
    pub(super) fn recent(&self) -> Look {
        let looks = self.looks.iter().rev().take(RECENT);
        looks.copied().fold(Look::default(), Look::and)
    }
}

impl Look {
    fn and(self, other: Self) -> Self {
        let (a, b) = (self.seen, other.seen);
        Self {
            time: self.time + other.time,
            processor: self.processor + other.processor,
            is_loading: self.is_loading || other.is_loading,
            settled: self.settled + other.settled,
            seen: Seen {
                results: a.results + b.results,
                late: a.late + b.late,
                slow: a.slow + b.slow,
                bulk_work: a.bulk_work + b.bulk_work,
            },
        }
    }

    /// What a live stream costs of one core, recordings aside: nothing that can be told
    /// from a few streams, beside which the server itself costs too much, nor while
    /// models are loaded.
    pub(super) fn price(&self) -> Option<f64> {
        let live = self.processor.saturating_sub(self.seen.bulk_work);
        if self.is_loading || live.is_zero() || self.settled < self.time * FEWEST_STREAMS {
            return None;
        }
        Some(live.as_secs_f64() / self.settled.as_secs_f64())
    }

    /// Whether recordings took a noticeable share of `cores`.
    pub(super) fn is_bulky(&self, cores: f64) -> bool {
        self.seen.bulk_work.as_secs_f64() > 0.05 * self.time.as_secs_f64() * cores
    }
}
