use std::time::Duration;

use proptest::{collection::vec, prelude::*};
use ser_backend::DecisionSpec;

use super::*;

fn spec(temperature: f32, uncertain_below: f32) -> DecisionSpec {
    DecisionSpec {
        temperature,
        uncertain_below,
    }
}

fn plain() -> DecisionSpec {
    spec(1.0, 0.0)
}

fn posteriors_of(decision: Decision<'_>) -> Vec<f32> {
    decision.classification().unwrap().posteriors.to_vec()
}

fn assert_close(got: &[f32], expected: &[f64]) {
    assert_eq!(got.len(), expected.len());
    for (got, expected) in got.iter().zip(expected) {
        assert!(
            (f64::from(*got) - expected).abs() < 1e-6,
            "{got} instead of {expected}"
        );
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn temperature_1_leaves_posteriors_as_they_are() {
    let mut decider = Decider::new(&plain(), None, 3);
    let decision = decider.decide(SECOND, Some(&[0.1, 0.7, 0.2]));
    assert_close(&posteriors_of(decision), &[0.1, 0.7, 0.2]);
    assert_eq!(decision.classification().unwrap().label, 1);
}

#[test]
fn temperature_is_that_of_the_softmax() {
    // softmax(z / T) of the logits z = (2, 1, 0.5), against p = softmax(z).
    let softmax = |logits: [f64; 3]| {
        let total: f64 = logits.iter().map(|logit| logit.exp()).sum();
        logits.map(|logit| logit.exp() / total)
    };
    let raw = softmax([2.0, 1.0, 0.5]).map(|p| p as f32);
    for temperature in [0.5, 2.0, 4.0_f32] {
        let mut decider = Decider::new(&spec(temperature, 0.0), None, 3);
        let t = f64::from(temperature);
        let expected = softmax([2.0 / t, 1.0 / t, 0.5 / t]);
        assert_close(
            &posteriors_of(decider.decide(SECOND, Some(&raw))),
            &expected,
        );
    }
}

#[test]
fn a_posterior_of_zero_is_no_obstacle() {
    let mut decider = Decider::new(&spec(2.0, 0.0), None, 3);
    let posteriors = posteriors_of(decider.decide(SECOND, Some(&[0.0, 1.0, 0.0])));
    assert_close(&posteriors, &[0.0, 1.0, 0.0]);
}

#[test]
fn of_equals_the_first_is_the_label() {
    let mut decider = Decider::new(&plain(), None, 4);
    let decision = decider.decide(SECOND, Some(&[0.2, 0.3, 0.3, 0.2]));
    assert_eq!(decision.classification().unwrap().label, 1);
}

#[test]
fn below_the_threshold_is_uncertain() {
    let mut decider = Decider::new(&spec(1.0, 0.5), None, 2);
    assert!(matches!(
        decider.decide(SECOND, Some(&[0.5, 0.5])),
        Decision::Emotion(_)
    ));
    let mut decider = Decider::new(&spec(1.0, 0.5), None, 3);
    let decision = decider.decide(SECOND, Some(&[0.25, 0.49, 0.26]));
    let Decision::Uncertain(classification) = decision else {
        panic!("{decision:?}")
    };
    assert_eq!(classification.label, 1);
}

#[test]
fn the_threshold_is_for_calibrated_posteriors() {
    let mut decider = Decider::new(&spec(10.0, 0.5), None, 3);
    let decision = decider.decide(SECOND, Some(&[0.9, 0.05, 0.05]));
    assert!(matches!(decision, Decision::Uncertain(_)), "{decision:?}");
}

#[test]
fn smoothing_is_off_unless_asked_for() {
    let mut decider = Decider::new(&plain(), None, 2);
    decider.decide(SECOND, Some(&[1.0, 0.0]));
    assert_close(
        &posteriors_of(decider.decide(SECOND, Some(&[0.0, 1.0]))),
        &[0.0, 1.0],
    );
}

#[test]
fn smoothing_follows_the_time_constant() {
    let mut decider = Decider::new(&plain(), Some(2 * SECOND), 2);
    let first = posteriors_of(decider.decide(SECOND, Some(&[1.0, 0.0])));
    assert_close(&first, &[1.0, 0.0]);
    let old = (-0.25_f64).exp();
    let half_a_second = SECOND / 2;
    let second = posteriors_of(decider.decide(half_a_second, Some(&[0.0, 1.0])));
    assert_close(&second, &[old, 1.0 - old]);
}

#[test]
fn smoothing_does_not_depend_on_where_results_fall() {
    let mut whole = Decider::new(&plain(), Some(SECOND), 2);
    let mut halves = whole.clone();
    whole.decide(SECOND, Some(&[1.0, 0.0]));
    halves.decide(SECOND, Some(&[1.0, 0.0]));
    halves.decide(SECOND / 2, Some(&[0.3, 0.7]));
    let halves = posteriors_of(halves.decide(SECOND / 2, Some(&[0.3, 0.7])));
    let whole = posteriors_of(whole.decide(SECOND, Some(&[0.3, 0.7])));
    assert_close(&halves, &[f64::from(whole[0]), f64::from(whole[1])]);
}

#[test]
fn silence_ages_what_was_said_before_it() {
    let mut decider = Decider::new(&plain(), Some(2 * SECOND), 2);
    decider.decide(SECOND, Some(&[1.0, 0.0]));
    assert_eq!(decider.decide(2 * SECOND, None), Decision::NoSpeech);
    assert_eq!(decider.decide(SECOND, None), Decision::NoSpeech);
    let old = (-2.0_f64).exp();
    let after = posteriors_of(decider.decide(SECOND, Some(&[0.0, 1.0])));
    assert_close(&after, &[old, 1.0 - old]);
}

#[test]
fn silence_before_the_first_word_changes_nothing() {
    let mut decider = Decider::new(&plain(), Some(SECOND), 2);
    assert_eq!(decider.decide(60 * SECOND, None), Decision::NoSpeech);
    assert_close(
        &posteriors_of(decider.decide(SECOND, Some(&[0.6, 0.4]))),
        &[0.6, 0.4],
    );
}

/// Feeds results, given as span in milliseconds and posteriors, to both.
fn summarise(window: Option<Duration>, results: &[(u64, Option<[f32; 2]>)]) -> Summary {
    let mut decider = Decider::new(&spec(1.0, 0.6), None, 2);
    let mut summary = SummaryBuilder::new(2, window);
    for (span, posteriors) in results {
        let span = Duration::from_millis(*span);
        let decision = decider.decide(span, posteriors.as_ref().map(<[f32; 2]>::as_slice));
        summary.add(span, &decision);
    }
    summary.finish()
}

#[test]
fn results_weigh_as_much_as_their_audio() {
    let results = [
        (1_000, Some([0.9, 0.1])),
        (3_000, Some([0.2, 0.8])),
        (500, None),
        (500, Some([0.5, 0.5])),
    ];
    let summary = summarise(Some(3 * SECOND), &results);
    let millis = Duration::from_millis;
    assert_eq!(summary.classified, millis(4_500));
    assert_eq!(summary.no_speech, millis(500));
    assert_eq!(summary.uncertain, millis(500));
    assert_eq!(summary.time_per_label, [millis(1_500), millis(3_000)]);
    assert_eq!(summary.results, 4);
    assert_eq!(summary.overall_label, Some(1));
    let mean = (0.9 + 3.0 * 0.2 + 0.5 * 0.5) / 4.5;
    assert_close(&summary.mean_posterior.unwrap(), &[mean, 1.0 - mean]);
}

#[test]
fn audio_of_at_most_a_window_has_the_label_of_its_last_result() {
    let results = [(2_000, Some([0.9, 0.1])), (1_000, Some([0.4, 0.6]))];
    let overall = |window, results: &[_]| summarise(window, results).overall_label;
    assert_eq!(overall(Some(3 * SECOND), &results), Some(1));
    assert_eq!(
        overall(Some(Duration::from_millis(2_999)), &results),
        Some(0)
    );
    assert_eq!(overall(None, &results), Some(0));
    let with_silence = [results[0], results[1], (1_000, None)];
    assert_eq!(overall(Some(4 * SECOND), &with_silence), Some(1));
    assert_eq!(
        overall(Some(3 * SECOND), &with_silence),
        Some(0),
        "silence is audio, too"
    );
}

#[test]
fn nothing_classified_means_no_label() {
    for results in [&[][..], &[(1_000, None), (9_000, None)]] {
        let summary = summarise(Some(3 * SECOND), results);
        assert_eq!(summary.mean_posterior, None);
        assert_eq!(summary.overall_label, None);
        assert_eq!(summary.classified, Duration::ZERO);
        assert_eq!(summary.results, results.len() as u64);
    }
}

/// A distribution over five labels, some of them impossible.
fn distribution() -> impl Strategy<Value = Vec<f32>> {
    vec(prop_oneof![4 => 0.0..1.0_f32, 1 => Just(0.0)], 5).prop_map(|mut weights| {
        weights[0] += 1e-3;
        let total: f32 = weights.iter().sum();
        weights.iter().map(|weight| weight / total).collect()
    })
}

/// Results of any span in nanoseconds, some without speech.
fn results() -> impl Strategy<Value = Vec<(u64, Option<Vec<f32>>)>> {
    vec(
        (
            1..4_000_000_000_u64,
            proptest::option::weighted(0.8, distribution()),
        ),
        1..40,
    )
}

proptest! {
    #[test]
    fn whatever_comes_is_a_distribution_and_adds_up(
        results in results(),
        temperature in 0.05..20.0_f32,
        uncertain_below in 0.0..1.0_f32,
        smoothing in proptest::option::of(1..60_000_000_000_u64),
    ) {
        let smoothing = smoothing.map(Duration::from_nanos);
        let mut decider = Decider::new(&spec(temperature, uncertain_below), smoothing, 5);
        let mut summary = SummaryBuilder::new(5, Some(3 * SECOND));
        let mut total = Duration::ZERO;
        for (span, posteriors) in &results {
            let span = Duration::from_nanos(*span);
            total += span;
            let decision = decider.decide(span, posteriors.as_deref());
            prop_assert_eq!(decision.classification().is_none(), posteriors.is_none());
            if let Some(classification) = decision.classification() {
                let sum: f32 = classification.posteriors.iter().sum();
                prop_assert!((sum - 1.0).abs() < 1e-5, "sum {}", sum);
                prop_assert!(classification.posteriors.iter().all(|p| (0.0..=1.0).contains(p)));
                let top = classification.posteriors[classification.label];
                prop_assert!(classification.posteriors.iter().all(|&p| p <= top));
                prop_assert_eq!(matches!(decision, Decision::Uncertain(_)), top < uncertain_below);
            }
            summary.add(span, &decision);
        }
        let summary = summary.finish();
        prop_assert_eq!(summary.classified + summary.no_speech, total);
        prop_assert_eq!(summary.time_per_label.iter().sum::<Duration>(), summary.classified);
        prop_assert!(summary.uncertain <= summary.classified);
        prop_assert_eq!(summary.results, results.len() as u64);
        prop_assert_eq!(summary.mean_posterior.is_some(), summary.overall_label.is_some());
        if let Some(mean) = summary.mean_posterior {
            prop_assert!((mean.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        }
    }

    #[test]
    fn calibration_keeps_the_order_of_labels(
        posteriors in distribution(),
        temperature in 0.05..20.0_f32,
    ) {
        let mut decider = Decider::new(&spec(temperature, 0.0), None, 5);
        let calibrated = posteriors_of(decider.decide(SECOND, Some(&posteriors)));
        for (left, right) in (0..5).flat_map(|left| (0..5).map(move |right| (left, right))) {
            if posteriors[left] > posteriors[right] {
                prop_assert!(calibrated[left] >= calibrated[right]);
            }
        }
    }
}
