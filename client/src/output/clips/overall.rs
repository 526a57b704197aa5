//! The one thing that is said of a recording.

use std::time::Duration;

use ser_client::{
    Classification,
    proto::{Score, StreamSummary, Verdict},
};

/// What is said of one channel as a whole.
#[derive(Debug)]
pub(crate) struct Overall<'a> {
    pub(crate) verdict: Verdict,
    /// The posteriors that this follows from, best first: of audio of at most one
    /// window the last ones, otherwise the mean.
    pub(crate) scores: Vec<&'a Score>,
    pub(crate) summary: &'a StreamSummary,
}

impl<'a> Overall<'a> {
    /// Of every classified channel.
    pub(crate) fn of(said: &'a Classification) -> impl Iterator<Item = Self> {
        let summaries = said.summaries.iter();
        summaries.map(|summary| Self::new(said, summary))
    }

    fn new(said: &'a Classification, summary: &'a StreamSummary) -> Self {
        let scores = if within_one_window(said, summary) {
            let results = said.results.iter().rev();
            let mut mine = results.filter(|result| result.channel == summary.channel);
            mine.find(|result| !result.scores.is_empty())
                .map(|result| &result.scores)
        } else {
            None
        };
        let mut scores: Vec<_> = scores.unwrap_or(&summary.mean_posterior).iter().collect();
        scores.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        let model = said.started.model.as_ref();
        let threshold = model.map_or(0.0, |model| model.uncertain_below);
        let verdict = match scores.first() {
            None => Verdict::NoSpeech,
            Some(best) if best.probability < threshold => Verdict::Uncertain,
            Some(_) => Verdict::Emotion,
        };
        Self {
            verdict,
            scores,
            summary,
        }
    }

    /// The likeliest emotion and its probability.
    pub(crate) fn best(&self) -> Option<&'a Score> {
        self.scores.first().copied()
    }
}

/// Whether the last result says everything. A recurrent model has no windows.
fn within_one_window(said: &Classification, summary: &StreamSummary) -> bool {
    let effective = said.started.effective.as_ref();
    let options = effective.and_then(|config| config.options.as_ref());
    let window = options.and_then(|options| options.window);
    let length =
        |time: Option<prost_types::Duration>| -> Option<Duration> { time?.try_into().ok() };
    match (length(summary.received), length(window)) {
        (Some(received), Some(window)) => received <= window,
        _ => false,
    }
}
