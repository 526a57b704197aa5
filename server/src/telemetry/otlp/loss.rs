//! What waits for a collector, and what never reaches it.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
};

use opentelemetry::{KeyValue, metrics::Meter};
use tracing::warn;

use crate::auth::Audit;

/// What doesn't reach a collector, of each signal.
#[derive(Debug)]
pub(in crate::telemetry) struct Losses {
    pub(super) traces: Arc<Signal>,
    pub(super) metrics: Arc<Signal>,
    pub(super) logs: Arc<Signal>,
}

/// One of traces, metrics and logs on its way to a collector.
#[derive(Debug)]
pub(super) struct Signal {
    name: &'static str,
    collector: String,
    queue: usize,
    /// At least as many as wait in the queue itself, which so never overflows.
    waiting: AtomicUsize,
    queue_full: AtomicU64,
    undelivered: AtomicU64,
    lines: Audit,
}

impl Losses {
    pub(super) fn new(collector: &str, queue: usize) -> Self {
        let signal = |name| {
            Arc::new(Signal {
                name,
                collector: collector.to_owned(),
                queue,
                waiting: AtomicUsize::new(0),
                queue_full: AtomicU64::new(0),
                undelivered: AtomicU64::new(0),
                lines: Audit::new(),
            })
        };
        Self {
            traces: signal("traces"),
            metrics: signal("metrics"),
            logs: signal("logs"),
        }
    }

    /// Counts them in an instrument.
    pub(in crate::telemetry) fn measure(&self, meter: &Meter) {
        let signals = [&self.traces, &self.metrics, &self.logs].map(|signal| {
            let losses = |reason| {
                [
                    KeyValue::new("signal", signal.name),
                    KeyValue::new("reason", reason),
                ]
            };
            (
                Arc::clone(signal),
                losses("queue_full"),
                losses("undelivered"),
            )
        });
        meter
            .u64_observable_counter("ser.telemetry.dropped")
            .with_unit("{record}")
            .with_description("Spans, log lines and messages of metrics the collector never got")
            .with_callback(move |observer| {
                for (signal, queue_full, undelivered) in &signals {
                    observer.observe(signal.queue_full.load(Relaxed), queue_full);
                    observer.observe(signal.undelivered.load(Relaxed), undelivered);
                }
            })
            .build();
    }
}

impl Signal {
    /// Takes a place in the queue, if there is one.
    pub(super) fn admit(&self) -> bool {
        if self.waiting.fetch_add(1, Relaxed) < self.queue {
            return true;
        }
        self.waiting.fetch_sub(1, Relaxed);
        self.queue_full.fetch_add(1, Relaxed);
        false
    }

    /// So many have left the queue.
    pub(super) fn taken(&self, count: usize) {
        self.waiting.fetch_sub(count, Relaxed);
    }

    /// So many were not delivered.
    pub(super) fn undelivered(&self, count: usize, error: impl fmt::Display) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        let dropped = self.undelivered.fetch_add(count, Relaxed) + count;
        if let Some(untold) = self.lines.line() {
            warn!(
                signal = self.name,
                collector = self.collector,
                dropped,
                untold,
                "telemetry is lost: {error}"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_place_is_counted() {
        let losses = Losses::new("http://nobody", 2);
        let signal = &losses.traces;
        assert_eq!(
            [signal.admit(), signal.admit(), signal.admit()],
            [true, true, false]
        );
        assert_eq!(signal.queue_full.load(Relaxed), 1);
        signal.taken(1);
        assert_eq!([signal.admit(), signal.admit()], [true, false]);
        assert_eq!(signal.queue_full.load(Relaxed), 2);
    }
}
