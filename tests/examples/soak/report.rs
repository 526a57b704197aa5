//! How the server does, from time to time and in the end.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use ser_tests::{
    memory::Memory,
    scrape::{get, sum},
};
use tokio::time::sleep;

use crate::{
    Arguments,
    tally::{Tally, Times},
};

/// Memory is still growing into its place while the first of so many parts of the time
/// passes.
const SETTLING: usize = 5;

/// Prints a line now and then, and a conclusion.
pub(crate) struct Report<'a> {
    arguments: &'a Arguments,
    tally: &'a Tally,
    start: Instant,
    seen: Metrics,
    /// Seconds since the start, and KiB.
    memory: Vec<(f64, f64)>,
}

/// What the server says of itself.
struct Metrics {
    streams: f64,
    batches: f64,
    rows: f64,
}

impl<'a> Report<'a> {
    pub(crate) async fn new(arguments: &'a Arguments, tally: &'a Tally) -> Self {
        println!(
            "| time | streams | ended well | misfits | refused | after p99 | max | failures | lag p50 | p99 | max | rows a batch | memory |"
        );
        println!("|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
        Self {
            arguments,
            tally,
            start: Instant::now(),
            seen: Metrics::of(arguments).await,
            memory: Vec::new(),
        }
    }

    /// Of the time since the last.
    pub(crate) async fn line(&mut self) {
        let now = Metrics::of(self.arguments).await;
        let counts = self.tally.counts();
        let Times { lag, refused } = self.tally.take_times();
        let millis = |times: &Histogram<u64>, quantile| {
            format!("{:.1} ms", times.value_at_quantile(quantile) as f64 / 1e3)
        };
        let elapsed = self.start.elapsed().as_secs_f64();
        let memory = Memory::of(self.arguments.process).now as f64 / 1024.0;
        println!(
            "| {:.1} min | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {:.2} | {:.1} MiB |",
            elapsed / 60.0,
            now.streams,
            counts.good,
            counts.misfits.values().sum::<u64>(),
            counts.refused,
            millis(&refused, 0.99),
            millis(&refused, 1.0),
            counts.failures,
            millis(&lag, 0.5),
            millis(&lag, 0.99),
            millis(&lag, 1.0),
            (now.rows - self.seen.rows) / (now.batches - self.seen.batches).max(1.0),
            memory / 1024.0,
        );
        self.seen = now;
        self.memory.push((elapsed, memory));
    }

    /// After the last stream; whether everything went as it should.
    pub(crate) async fn conclude(mut self, patience: Duration) -> bool {
        let end = Instant::now() + patience;
        // What ended on this side may not have ended on the other.
        while self.seen.streams > 0.0 && Instant::now() < end {
            sleep(Duration::from_millis(100)).await;
            self.seen = Metrics::of(self.arguments).await;
        }
        let counts = self.tally.counts();
        println!("\nmisfits: {:?}", counts.misfits);
        println!("open at the end: {}", self.seen.streams);
        let settled = &self.memory[self.memory.len() / SETTLING..];
        if let Some(slope) = slope(settled) {
            println!("memory: {:+.1} KiB a minute", slope * 60.0);
        }
        let peak = Memory::of(self.arguments.process).peak >> 20;
        println!("most memory: {peak} MiB");
        counts.good > 0 && counts.failures == 0 && self.seen.streams == 0.0
    }
}

impl Metrics {
    async fn of(arguments: &Arguments) -> Self {
        let text = get(&arguments.metrics, "/metrics").await;
        Self {
            streams: sum(&text, "ser_streams_active"),
            batches: sum(&text, "ser_batch_rows_count"),
            rows: sum(&text, "ser_batch_rows_sum"),
        }
    }
}

/// Of a line through the points with the least squares.
fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let spread: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    let together = points.iter().map(|point| (point.0 - x) * (point.1 - y));
    (spread > 0.0).then(|| together.sum::<f64>() / spread)
}
