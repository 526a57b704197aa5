//! What is measured of each model.

use std::{fmt, time::Duration};

use opentelemetry::{
    KeyValue,
    metrics::{BoundCounter, BoundHistogram, Counter, Histogram, Meter},
};
use ser_backend::ModelInfo;

use crate::{batcher::Pace, decision::Decision};

/// Seconds from the millisecond that a lone row takes to the second at which nobody
/// calls results live any more, densest about the promised 100 ms.
const LAG: [f64; 16] = [
    0.001, 0.002, 0.004, 0.006, 0.01, 0.015, 0.025, 0.04, 0.06, 0.08, 0.1, 0.15, 0.25, 0.5, 1.0,
    5.0,
];

/// Seconds of computing: a row takes tens of microseconds, a full batch on a slow
/// machine tens of milliseconds.
const COMPUTING: [f64; 15] = [
    0.000_025, 0.000_05, 0.000_1, 0.000_2, 0.000_4, 0.000_8, 0.001_5, 0.003, 0.006, 0.012, 0.025,
    0.05, 0.1, 0.5, 2.5,
];

/// The sizes of batches that backends prepare for.
const ROWS: [f64; 7] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];

/// The instruments that all models share.
pub(super) struct Instruments {
    results: Counter<u64>,
    lag: Histogram<f64>,
    front_end: Histogram<f64>,
    queue: Histogram<f64>,
    batch_rows: Histogram<u64>,
    inference: Histogram<f64>,
    inference_failures: Counter<u64>,
}

/// What is measured of one model.
#[derive(Clone)]
pub struct ModelMetrics {
    /// By label.
    emotions: Vec<BoundCounter<u64>>,
    /// By label.
    uncertain: Vec<BoundCounter<u64>>,
    no_speech: BoundCounter<u64>,
    lag: BoundHistogram<f64>,
    front_end: BoundHistogram<f64>,
    queue_live: BoundHistogram<f64>,
    queue_bulk: BoundHistogram<f64>,
    batch_rows: BoundHistogram<u64>,
    inference: BoundHistogram<f64>,
    inference_failures: BoundCounter<u64>,
    attributes: [KeyValue; 3],
}

impl fmt::Debug for ModelMetrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ModelMetrics")
    }
}

impl Instruments {
    pub(super) fn new(meter: &Meter) -> Self {
        let seconds = |name: &'static str, bounds: &[f64], description: &'static str| {
            meter
                .f64_histogram(name)
                .with_unit("s")
                .with_boundaries(bounds.to_vec())
                .with_description(description)
                .build()
        };
        Self {
            results: meter
                .u64_counter("ser.results")
                .with_unit("{result}")
                .with_description("Results told, by verdict and likeliest label")
                .build(),
            lag: seconds(
                "ser.result.lag",
                &LAG,
                "From the chunk that makes a live stream's result computable to the result",
            ),
            front_end: seconds(
                "ser.front_end",
                &COMPUTING,
                "Computing features of up to 0.1 s of audio, all channels",
            ),
            queue: seconds("ser.queue", &COMPUTING, "A row's wait for its batch"),
            batch_rows: meter
                .u64_histogram("ser.batch.rows")
                .with_unit("{row}")
                .with_boundaries(ROWS.to_vec())
                .with_description("Rows that shared a call of the model")
                .build(),
            inference: seconds("ser.inference", &COMPUTING, "One call of the model"),
            inference_failures: meter
                .u64_counter("ser.inference.failures")
                .with_unit("{call}")
                .with_description("Calls of the model that failed or panicked")
                .build(),
        }
    }

    pub(super) fn of(&self, id: &str, labels: &[String], info: &ModelInfo) -> ModelMetrics {
        let model = KeyValue::new("model", id.to_owned());
        let just_model = [model.clone()];
        let results = |label: &str, verdict: &'static str| {
            self.results.bind(&[
                model.clone(),
                KeyValue::new("label", label.to_owned()),
                KeyValue::new("verdict", verdict),
            ])
        };
        let of_all = |verdict| {
            labels
                .iter()
                .map(|label| results(label, verdict))
                .collect::<Vec<_>>()
        };
        let queue = |pace| {
            self.queue
                .bind(&[model.clone(), KeyValue::new("pace", pace)])
        };
        let attributes = [
            model.clone(),
            KeyValue::new("backend", info.backend.clone()),
            KeyValue::new("provider", info.execution_provider.clone()),
        ];
        let metrics = ModelMetrics {
            emotions: of_all("emotion"),
            uncertain: of_all("uncertain"),
            no_speech: results("", "no_speech"),
            lag: self.lag.bind(&just_model),
            front_end: self.front_end.bind(&just_model),
            queue_live: queue("live"),
            queue_bulk: queue("bulk"),
            batch_rows: self.batch_rows.bind(&just_model),
            inference: self.inference.bind(&attributes),
            inference_failures: self.inference_failures.bind(&just_model),
            attributes,
        };
        metrics.begin();
        metrics
    }
}

impl ModelMetrics {
    /// Shows what hasn't happened yet as zero.
    fn begin(&self) {
        let results = self.emotions.iter().chain(&self.uncertain);
        let counters = results.chain([&self.no_speech, &self.inference_failures]);
        counters.for_each(|counter| counter.add(0));
    }

    /// Name the model, and where it runs.
    pub(crate) fn attributes(&self) -> &[KeyValue] {
        &self.attributes
    }

    /// A result was decided.
    pub(crate) fn decided(&self, decision: &Decision<'_>) {
        match decision {
            Decision::NoSpeech => self.no_speech.add(1),
            Decision::Emotion(classification) => self.emotions[classification.label].add(1),
            Decision::Uncertain(classification) => self.uncertain[classification.label].add(1),
        }
    }

    /// A result of a live stream was handed over.
    pub(crate) fn told(&self, lag: Duration) {
        self.lag.record(lag.as_secs_f64());
    }

    /// The front end worked off a piece of audio.
    pub(crate) fn front_end_ran(&self, took: Duration) {
        self.front_end.record(took.as_secs_f64());
    }

    /// A row left the queue for its batch.
    pub(crate) fn row_taken(&self, pace: Pace, waited: Duration) {
        let queue = match pace {
            Pace::Live => &self.queue_live,
            Pace::Bulk => &self.queue_bulk,
        };
        queue.record(waited.as_secs_f64());
    }

    /// The model computed so many rows in one call.
    pub(crate) fn inferred(&self, rows: usize, took: Duration) {
        self.batch_rows.record(rows as u64);
        self.inference.record(took.as_secs_f64());
    }

    /// A call of the model failed.
    pub(crate) fn inference_failed(&self) {
        self.inference_failures.add(1);
    }
}
