//! The whole of one channel.

use std::time::Duration;

use super::{Decision, likeliest};

/// Adds up the results of one channel for its summary.
///
/// A result weighs as much as the audio that it is the first to cover.
#[derive(Clone, Debug)]
pub struct SummaryBuilder {
    window: Option<Duration>,
    totals: Totals,
}

/// What a [`SummaryBuilder`] has added up.
#[derive(Clone, Debug, PartialEq)]
pub struct Totals {
    /// Results added.
    pub results: u64,
    /// Audio covered by results without speech.
    pub no_speech: Duration,
    /// Audio covered by uncertain results.
    pub uncertain: Duration,
    /// How long each label was the likeliest.
    pub time_per_label: Vec<Duration>,
    /// For each label, posteriors times seconds.
    pub weighted: Vec<f64>,
    /// That of the last classified result.
    pub last_label: Option<usize>,
}

impl Totals {
    fn none(labels: usize) -> Self {
        Self {
            results: 0,
            no_speech: Duration::ZERO,
            uncertain: Duration::ZERO,
            time_per_label: vec![Duration::ZERO; labels],
            weighted: vec![0.0; labels],
            last_label: None,
        }
    }

    /// Audio covered by results with a label.
    #[must_use]
    pub fn classified(&self) -> Duration {
        self.time_per_label.iter().sum()
    }
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
            totals: Totals::none(labels),
        }
    }

    /// Goes on after the results that another builder for the same model has added.
    ///
    /// # Panics
    ///
    /// When the totals are those of another number of labels.
    #[must_use]
    pub fn resume(mut self, totals: Totals) -> Self {
        let labels = self.totals.weighted.len();
        assert_eq!(totals.time_per_label.len(), labels, "a time for each label");
        assert_eq!(totals.weighted.len(), labels, "a sum for each label");
        self.totals = totals;
        self
    }

    /// What it has added up.
    #[must_use]
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Adds the next result, which covers `span` of new audio.
    pub fn add(&mut self, span: Duration, decision: &Decision<'_>) {
        let totals = &mut self.totals;
        totals.results += 1;
        match decision {
            Decision::NoSpeech => totals.no_speech += span,
            Decision::Uncertain(_) => totals.uncertain += span,
            Decision::Emotion(_) => {}
        }
        let Some(classification) = decision.classification() else {
            return;
        };
        totals.last_label = Some(classification.label);
        totals.time_per_label[classification.label] += span;
        for (sum, &posterior) in totals.weighted.iter_mut().zip(classification.posteriors) {
            *sum += f64::from(posterior) * span.as_secs_f64();
        }
    }

    /// The summary of everything added.
    #[must_use]
    pub fn finish(self) -> Summary {
        let Self { window, totals } = self;
        let classified = totals.classified();
        let total: f64 = totals.weighted.iter().sum();
        let mean_posterior: Option<Vec<f32>> = (total > 0.0).then(|| {
            let means = totals.weighted.iter().map(|&sum| (sum / total) as f32);
            means.collect()
        });
        let within_one_window =
            window.is_some_and(|window| classified + totals.no_speech <= window);
        let overall_label = if within_one_window {
            totals.last_label
        } else {
            mean_posterior.as_deref().map(likeliest)
        };
        Summary {
            classified,
            no_speech: totals.no_speech,
            uncertain: totals.uncertain,
            time_per_label: totals.time_per_label,
            mean_posterior,
            overall_label,
            results: totals.results,
        }
    }
}
