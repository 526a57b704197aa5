//! Temperature, smoothing and the verdict on one row of posteriors.

use std::{mem, time::Duration};

use ser_backend::DecisionSpec;

use super::likeliest;

/// What a result says of its audio.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Decision<'a> {
    /// Nobody speaks in the window.
    NoSpeech,
    /// The likeliest emotion.
    Emotion(Classification<'a>),
    /// The likeliest emotion, whose posterior is below the model's threshold.
    Uncertain(Classification<'a>),
}

impl<'a> Decision<'a> {
    /// Label and posteriors, unless there was no speech.
    #[must_use]
    pub fn classification(&self) -> Option<Classification<'a>> {
        match *self {
            Self::NoSpeech => None,
            Self::Emotion(classification) | Self::Uncertain(classification) => Some(classification),
        }
    }
}

/// Calibrated and smoothed posteriors with the likeliest label.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Classification<'a> {
    /// Index of the largest posterior; of equals, the first.
    pub label: usize,
    /// In the model's order of labels; sum to 1.
    pub posteriors: &'a [f32],
}

/// Decides on the results of one channel, in their order.
///
/// Calibration is `softmax(ln p / temperature)` (temperature scaling, Guo et al.
/// 2017, on the logits that the posteriors came from, up to a constant that
/// softmax cancels).
///
/// Smoothing is the exponential moving average `s ← s + α (p − s)` with
/// `α = 1 − exp(−t/τ)`, where `τ` is the requested time constant and `t` the
/// audio since the last classified result: the result's own span, and that of
/// all results without speech before it. Evidence so ages by the clock of the
/// audio, and a long silence lets go of what was said before it. A result
/// without speech changes nothing else.
#[derive(Clone, Debug)]
pub struct Decider {
    temperature: f64,
    uncertain_below: f32,
    smoothing: Option<Duration>,
    smoothed: Smoothed,
    calibrated: Vec<f64>,
    posteriors: Vec<f32>,
}

/// What a [`Decider`] that smooths remembers of the results before.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Smoothed {
    /// In the model's order of labels; none before the first classified result.
    pub posteriors: Vec<f64>,
    /// Audio without speech since the last classified result.
    pub silence: Duration,
}

impl Decider {
    /// A decider for a model with `labels` labels. `smoothing` is the time
    /// constant, above zero; `None` leaves posteriors as they are.
    #[must_use]
    pub fn new(spec: &DecisionSpec, smoothing: Option<Duration>, labels: usize) -> Self {
        Self {
            temperature: f64::from(spec.temperature),
            uncertain_below: spec.uncertain_below,
            smoothing,
            smoothed: Smoothed {
                posteriors: Vec::with_capacity(labels),
                silence: Duration::ZERO,
            },
            calibrated: vec![0.0; labels],
            posteriors: vec![0.0; labels],
        }
    }

    /// Goes on after the results that another decider of the same settings remembers.
    ///
    /// # Panics
    ///
    /// When there are neither as many posteriors as labels nor none.
    #[must_use]
    pub fn resume(mut self, smoothed: Smoothed) -> Self {
        let count = smoothed.posteriors.len();
        assert!(
            count == 0 || count == self.calibrated.len(),
            "a posterior for each label"
        );
        self.smoothed = smoothed;
        self
    }

    /// What it remembers, or `None` if it doesn't smooth.
    #[must_use]
    pub fn smoothed(&self) -> Option<&Smoothed> {
        self.smoothing.and(Some(&self.smoothed))
    }

    /// Decides on the next result, which covers `span` of new audio.
    /// `posteriors` are the model's, or `None` for a window without speech.
    ///
    /// # Panics
    ///
    /// When there are not as many posteriors as labels.
    pub fn decide(&mut self, span: Duration, posteriors: Option<&[f32]>) -> Decision<'_> {
        let Some(posteriors) = posteriors else {
            self.smoothed.silence += span;
            return Decision::NoSpeech;
        };
        self.calibrate(posteriors);
        self.smooth(span);
        for (posterior, &smoothed) in self.posteriors.iter_mut().zip(&self.smoothed.posteriors) {
            *posterior = smoothed as f32;
        }
        let classification = Classification {
            label: likeliest(&self.posteriors),
            posteriors: &self.posteriors,
        };
        if self.posteriors[classification.label] < self.uncertain_below {
            Decision::Uncertain(classification)
        } else {
            Decision::Emotion(classification)
        }
    }

    fn smooth(&mut self, span: Duration) {
        let Smoothed {
            posteriors,
            silence,
        } = &mut self.smoothed;
        let elapsed = span + mem::take(silence);
        match self.smoothing {
            Some(constant) if !posteriors.is_empty() => {
                // α: how much of the smoothed posteriors the new ones are.
                let weight = -(-elapsed.as_secs_f64() / constant.as_secs_f64()).exp_m1();
                for (old, new) in posteriors.iter_mut().zip(&self.calibrated) {
                    *old += weight * (new - *old);
                }
            }
            // As they are, to the bit: nothing before them has a say.
            _ => posteriors.clone_from(&self.calibrated),
        }
    }

    fn calibrate(&mut self, posteriors: &[f32]) {
        assert_eq!(
            posteriors.len(),
            self.calibrated.len(),
            "posteriors of a row"
        );
        let mut largest = f64::NEG_INFINITY;
        for (logit, &posterior) in self.calibrated.iter_mut().zip(posteriors) {
            // A posterior that underflowed to 0 has no logarithm.
            *logit = f64::from(posterior.max(f32::MIN_POSITIVE)).ln() / self.temperature;
            largest = largest.max(*logit);
        }
        let mut total = 0.0;
        for value in &mut self.calibrated {
            *value = (*value - largest).exp();
            total += *value;
        }
        for value in &mut self.calibrated {
            *value /= total;
        }
    }
}
