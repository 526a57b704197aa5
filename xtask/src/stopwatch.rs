//! Where the time went.

use std::fmt;
use std::time::{Duration, Instant};

/// Wall-clock time of each step, in order.
#[derive(Default)]
pub(crate) struct Stopwatch {
    steps: Vec<(&'static str, Duration)>,
}

impl Stopwatch {
    /// Runs a step under a headline and notes how long it took, failed or not.
    pub(crate) fn time<T>(&mut self, step: &'static str, run: impl FnOnce() -> T) -> T {
        println!("\n== {step}");
        let start = Instant::now();
        let value = run();
        self.steps.push((step, start.elapsed()));
        value
    }
}

impl fmt::Display for Stopwatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total: Duration = self.steps.iter().map(|(_, time)| *time).sum();
        let rows = self.steps.iter().copied().chain([("total", total)]);
        for (step, time) in rows {
            let seconds = time.as_secs_f64().round() as u64;
            writeln!(f, "{step:<12} {:>3}:{:02}", seconds / 60, seconds % 60)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_ends_with_the_sum() {
        let watch = Stopwatch {
            steps: vec![
                ("fmt", Duration::from_millis(1400)),
                ("test", Duration::from_secs(125)),
            ],
        };
        assert_eq!(
            watch.to_string(),
            "fmt            0:01\ntest           2:05\ntotal          2:06\n"
        );
    }
}
