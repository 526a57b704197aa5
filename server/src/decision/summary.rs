//! The whole of one channel.

use std::time::Duration;

use super::{Decision, likeliest};

/// Adds up the results of one channel for its summary.
///
/// A result weighs as much as the audio that it is the first to cover.
#[derive(Clone, Debug)]
pub struct SummaryBuilder {
    window: Option<Duration>,
    results: u64,
    no_speech: Duration,
    uncertain: Duration,
    time_per_label: Vec<Duration>,
    /// Posteriors times seconds.
    weighted: Vec<f64>,
    last_label: Option<usize>,
}

/// What [`SummaryBuilder`] found.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Audio covered by results with a label, uncertain ones included.
    pub classified: Duration,
    /// Audio covered by results without speech.
    pub no_speech: Duration,
    /// Audio covered by uncertain results, contained in `classified`.
    pub uncertain: Duration,
    /// How long each label was the likeliest; sums to `classified` exactly.
    pub time_per_label: Vec<Duration>,
    /// Mean posteriors; `None` when nothing was classified.
    pub mean_posterior: Option<Vec<f32>>,
    /// For audio of at most one window the last label; otherwise the likeliest
    /// by `mean_posterior`. `None` when nothing was classified.
    pub overall_label: Option<usize>,
    /// Results added.
    pub results: u64,
}

impl SummaryBuilder {
    /// A builder for a model with `labels` labels, on windows of effectively
    /// `window`, or `None` for a recurrent model.
    #[must_use]
    pub fn new(labels: usize, window: Option<Duration>) -> Self {
        Self {
            window,
            results: 0,
            no_speech: Duration::ZERO,
            uncertain: Duration::ZERO,
            time_per_label: vec![Duration::ZERO; labels],
            weighted: vec![0.0; labels],
            last_label: None,
        }
    }

    /// Adds the next result, which covers `span` of new audio.
    pub fn add(&mut self, span: Duration, decision: &Decision<'_>) {
        self.results += 1;
        match decision {
            Decision::NoSpeech => self.no_speech += span,
            Decision::Uncertain(_) => self.uncertain += span,
            Decision::Emotion(_) => {}
        }
        let Some(classification) = decision.classification() else {
            return;
        };
        self.last_label = Some(classification.label);
        self.time_per_label[classification.label] += span;
        for (sum, &posterior) in self.weighted.iter_mut().zip(classification.posteriors) {
            *sum += f64::from(posterior) * span.as_secs_f64();
        }
    }

    /// The summary of everything added.
    #[must_use]
    pub fn finish(self) -> Summary {
        let classified: Duration = self.time_per_label.iter().sum();
        let total: f64 = self.weighted.iter().sum();
        let mean_posterior: Option<Vec<f32>> = (total > 0.0).then(|| {
            self.weighted
                .iter()
                .map(|&sum| (sum / total) as f32)
                .collect()
        });
        let within_one_window = self
            .window
            .is_some_and(|window| classified + self.no_speech <= window);
        let overall_label = if within_one_window {
            self.last_label
        } else {
            mean_posterior.as_deref().map(likeliest)
        };
        Summary {
            classified,
            no_speech: self.no_speech,
            uncertain: self.uncertain,
            time_per_label: self.time_per_label,
            mean_posterior,
            overall_label,
            results: self.results,
        }
    }
}
