//! From logits on the validation part to the `[decision]` of a package.

use ser_backend::DecisionSpec;

use crate::model::likeliest;

/// The hottest temperature that is looked at.
const MAX_TEMPERATURE: f64 = 10.0;

/// Finds the temperature with the lowest cross-entropy (Guo et al., 2017), from 1
/// on: where hardly a validation clip is wrong, a temperature below 1 would only
/// sharpen what is already too sure of itself. Then the threshold that marks
/// `uncertain_share` of the clips, those with the smallest calibrated posteriors.
///
/// # Panics
///
/// Without clips: a split has none without validation clips.
#[must_use]
pub fn calibrate(logits: &[Vec<f32>], labels: &[usize], uncertain_share: f64) -> DecisionSpec {
    assert!(!logits.is_empty(), "a validation part holds clips");
    let loss = |log_temperature: f64| cross_entropy(logits, labels, log_temperature.exp());
    let temperature = minimum(loss, 0.0, MAX_TEMPERATURE.ln()).exp();
    let mut top: Vec<f64> = logits
        .iter()
        .map(|row| log_posterior(row, likeliest(row), temperature).exp())
        .collect();
    top.sort_unstable_by(f64::total_cmp);
    let marked = (uncertain_share * top.len() as f64) as usize;
    DecisionSpec {
        temperature: temperature as f32,
        uncertain_below: top[marked] as f32,
    }
}

fn log_posterior(logits: &[f32], label: usize, temperature: f64) -> f64 {
    let scaled = |logit: &f32| f64::from(*logit) / temperature;
    let highest = logits.iter().map(scaled).fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logits
        .iter()
        .map(|logit| (scaled(logit) - highest).exp())
        .sum();
    scaled(&logits[label]) - highest - sum.ln()
}

fn cross_entropy(logits: &[Vec<f32>], labels: &[usize], temperature: f64) -> f64 {
    let rows = logits.iter().zip(labels);
    let sum: f64 = rows
        .map(|(row, &label)| log_posterior(row, label, temperature))
        .sum();
    -sum / logits.len() as f64
}

/// Golden-section search: the cross-entropy falls, then rises, in the logarithm of
/// the temperature.
fn minimum(function: impl Fn(f64) -> f64, mut low: f64, mut high: f64) -> f64 {
    let ratio = (5.0_f64.sqrt() - 1.0) / 2.0;
    while high - low > 1e-6 {
        let (left, right) = (high - ratio * (high - low), low + ratio * (high - low));
        if function(left) <= function(right) {
            high = right;
        } else {
            low = left;
        }
    }
    (low + high) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Logits that are right three times in four but claim to be far surer.
    fn overconfident() -> (Vec<Vec<f32>>, Vec<usize>) {
        let row = |index: usize| {
            let mut row = vec![0.0; 2];
            row[index % 2] = 8.0;
            row
        };
        let label = |index: usize| {
            if index % 4 == 3 {
                (index + 1) % 2
            } else {
                index % 2
            }
        };
        ((0..200).map(row).collect(), (0..200).map(label).collect())
    }

    #[test]
    fn an_overconfident_model_is_cooled_to_its_accuracy() {
        let (logits, labels) = overconfident();
        let decision = calibrate(&logits, &labels, 0.0);
        // softmax([8 / T, 0]) is three quarters at 8 / T = ln 3.
        assert!(
            (decision.temperature - 8.0 / 3.0_f32.ln()).abs() < 1e-3,
            "{decision:?}"
        );
        assert!(
            (decision.uncertain_below - 0.75).abs() < 1e-4,
            "{decision:?}"
        );
    }

    #[test]
    fn a_model_without_mistakes_is_not_sharpened() {
        let logits = vec![vec![4.0, 0.0], vec![0.0, 4.0]];
        let decision = calibrate(&logits, &[0, 1], 0.0);
        assert!((decision.temperature - 1.0).abs() < 1e-5, "{decision:?}");
    }

    #[test]
    fn the_threshold_marks_the_share_that_was_asked_for() {
        let logits: Vec<Vec<f32>> = (0..100).map(|n| vec![0.1 * n as f32, -1.0]).collect();
        let labels = vec![0; 100];
        let decision = calibrate(&logits, &labels, 0.07);
        let temperature = f64::from(decision.temperature);
        let below = logits.iter().filter(|row| {
            (log_posterior(row, 0, temperature).exp() as f32) < decision.uncertain_below
        });
        assert_eq!(below.count(), 7);
    }
}
