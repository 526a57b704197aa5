//! What was measured.

use std::{
    collections::BTreeMap,
    mem::take,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use ser_client::{Code, Error, Lag};

use super::{run::Run, schedule::Owed};

/// Histograms are in microseconds, up to ten minutes, exact to three digits.
const MOST_MICROS: u64 = 600_000_000;
const DIGITS: u8 = 3;

/// The status of streams that were given up.
const UNFINISHED: &str = "unfinished";

/// Times, of which only the distribution is kept.
#[derive(Debug, Clone)]
pub(crate) struct Times(Histogram<u64>);

impl Times {
    fn new() -> Self {
        let bounds = Histogram::new_with_bounds(1, MOST_MICROS, DIGITS);
        Self(bounds.expect("constant bounds that make sense"))
    }

    pub(super) fn record(&mut self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(MOST_MICROS);
        self.0.saturating_record(micros);
    }

    fn add(&mut self, other: &Self) {
        self.0.add(&other.0).expect("equal bounds");
    }

    /// The time that so many percent don't exceed. 0 when there is none.
    pub(crate) fn percentile(&self, percent: f64) -> Duration {
        Duration::from_micros(self.0.value_at_percentile(percent))
    }

    pub(crate) fn min(&self) -> Duration {
        Duration::from_micros(self.0.min())
    }

    pub(crate) fn max(&self) -> Duration {
        Duration::from_micros(self.0.max())
    }

    pub(crate) fn len(&self) -> u64 {
        self.0.len()
    }
}

/// Of some streams, while everything was measured.
#[derive(Debug)]
pub(crate) struct Tally {
    /// [`Lag::computable`] of each result, and of each that is missing, so far.
    pub(crate) lag: Times,
    /// [`Lag::covered`], of the same.
    pub(crate) covered: Times,
    /// How late the client was itself with what was due.
    pub(crate) lateness: Times,
    /// Results without speech, whose rows reached no model.
    pub(crate) no_speech: u64,
    /// Results that were due on streams that failed or were given up, and never came.
    pub(crate) missing: u64,
    /// Until they are counted, those streams.
    owed: Vec<Owed>,
    /// Connections that came about.
    pub(crate) connections: usize,
    /// Streams that the server accepted.
    pub(crate) opened: usize,
    /// Streams that went well from the beginning to the end.
    pub(crate) achieved: usize,
    /// How often streams broke and went on, no result left out.
    pub(crate) resumed: usize,
    /// How long each stream waited until it heard that the server has no room.
    pub(crate) refused: Times,
    /// Of these, the ones that were told when to come back.
    pub(crate) asked_back: u64,
    /// Streams that failed, by status.
    pub(crate) errors: BTreeMap<String, usize>,
    /// Why the first of them did.
    pub(crate) first_error: Option<Error>,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self {
            lag: Times::new(),
            covered: Times::new(),
            lateness: Times::new(),
            no_speech: 0,
            missing: 0,
            owed: Vec::new(),
            connections: 0,
            opened: 0,
            achieved: 0,
            resumed: 0,
            refused: Times::new(),
            asked_back: 0,
            errors: BTreeMap::new(),
            first_error: None,
        }
    }

    pub(super) fn lag(&mut self, lag: Lag) {
        self.lag.record(lag.computable);
        self.covered.record(lag.covered);
    }

    /// Counts a stream that never began, because `error` came after it had `waited`.
    pub(super) fn not_begun(&mut self, error: Error, waited: Duration) {
        if let Error::Unavailable {
            code: Code::ResourceExhausted,
            retry_after,
            ..
        } = &error
        {
            self.refused.record(waited);
            self.asked_back += u64::from(retry_after.is_some());
        }
        self.failed(1, error);
    }

    /// Counts so many streams that `error` ended.
    pub(super) fn failed(&mut self, streams: usize, error: Error) {
        *self.errors.entry(status(&error)).or_default() += streams;
        self.first_error.get_or_insert(error);
    }

    /// Counts a stream that `error` ended, and that `owed` results.
    pub(super) fn broken(&mut self, error: Error, owed: Owed) {
        self.failed(1, error);
        self.owed.push(owed);
    }

    /// Counts a stream that was given up, and that `owed` results.
    pub(super) fn unfinished(&mut self, owed: Owed) {
        *self.errors.entry(UNFINISHED.to_owned()).or_default() += 1;
        self.owed.push(owed);
    }

    /// Counts streams that weren't tried after a connection had failed.
    pub(super) fn not_opened(&mut self, streams: usize) {
        *self.errors.entry("not_opened".to_owned()).or_default() += streams;
    }

    pub(super) fn add(&mut self, other: Self) {
        self.lag.add(&other.lag);
        self.covered.add(&other.covered);
        self.lateness.add(&other.lateness);
        self.no_speech += other.no_speech;
        self.missing += other.missing;
        self.owed.extend(other.owed);
        self.connections += other.connections;
        self.opened += other.opened;
        self.achieved += other.achieved;
        self.resumed += other.resumed;
        self.refused.add(&other.refused);
        self.asked_back += other.asked_back;
        for (status, streams) in other.errors {
            *self.errors.entry(status).or_default() += streams;
        }
        self.first_error = self.first_error.take().or(other.first_error);
    }

    /// Counts the results that were due until the end of the `run` and didn't come.
    pub(super) fn count_missing(&mut self, run: &Run) {
        let now = Instant::now();
        for owed in take(&mut self.owed) {
            owed.count_missing(run, now, self);
        }
    }

    /// Results that came.
    pub(crate) fn results(&self) -> u64 {
        self.lag.len() - self.missing
    }

    pub(crate) fn failures(&self) -> usize {
        self.errors.values().sum()
    }

    /// Whether streams failed, and the server had none that it merely kept waiting.
    pub(super) fn is_lost(&self) -> bool {
        self.failures() > 0 && self.achieved == 0 && !self.errors.contains_key(UNFINISHED)
    }
}

/// The status of gRPC that the server sent, or what the client saw instead of one.
fn status(error: &Error) -> String {
    let name = match error.last() {
        Error::Rejected { code, .. }
        | Error::Failed { code, .. }
        | Error::Unavailable { code, .. } => return snake_case(*code),
        Error::KeptWaiting { .. } => return snake_case(Code::DeadlineExceeded),
        Error::Unreachable { .. } => "unreachable",
        Error::Lost { .. } => "lost",
        Error::Silent { .. } => "silent",
        Error::Protocol { .. } => "protocol",
        _ => "other",
    };
    name.to_owned()
}

/// `resource_exhausted`.
fn snake_case(code: Code) -> String {
    let mut name = String::new();
    for letter in format!("{code:?}").chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.extend(letter.to_lowercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn full(retry_after: Option<Duration>) -> Error {
        Error::Unavailable {
            address: "here".to_owned(),
            code: Code::ResourceExhausted,
            reason: "full".to_owned(),
            retry_after,
        }
    }

    #[test]
    fn tallies_of_threads_add_up() {
        let lag = |ms: u32| Lag {
            computable: ms * MS,
            covered: 2 * ms * MS,
        };
        let mut all = Tally::new();
        for thread in 0..4 {
            let mut tally = Tally::new();
            for ms in 1..=25 {
                tally.lag(lag(thread * 25 + ms));
            }
            tally.failed(
                1,
                Error::KeptWaiting {
                    message: format!("{thread}"),
                },
            );
            tally.not_opened(1);
            tally.not_begun(full(None), MS);
            tally.not_begun(full(Some(1_000 * MS)), 3 * MS);
            tally.achieved = 5;
            tally.resumed = 2;
            all.add(tally);
        }
        let near = |time: Duration, ms: u32| time.abs_diff(ms * MS) < MS;
        assert_eq!((all.lag.len(), all.achieved, all.failures()), (100, 20, 16));
        assert_eq!((all.refused.len(), all.asked_back), (8, 4));
        assert!(near(all.refused.max(), 3));
        assert_eq!(all.resumed, 8);
        assert!(near(all.lag.percentile(50.0), 50));
        assert!(near(all.lag.percentile(99.0), 99));
        assert!(near(all.lag.min(), 1));
        assert!(near(all.covered.max(), 200));
        assert_eq!(all.errors["deadline_exceeded"], 4);
        assert_eq!(all.errors["not_opened"], 4);
        assert!(matches!(all.first_error, Some(Error::KeptWaiting { message }) if message == "0"));
    }

    #[test]
    fn what_takes_longer_than_anybody_waits_still_counts() {
        let mut times = Times::new();
        times.record(Duration::from_secs(3_600));
        assert_eq!(times.len(), 1);
        assert!(times.max() >= Duration::from_secs(600));
    }

    #[test]
    fn a_status_has_the_name_that_programs_know() {
        assert_eq!(snake_case(Code::ResourceExhausted), "resource_exhausted");
        assert_eq!(snake_case(Code::Internal), "internal");
    }
}
