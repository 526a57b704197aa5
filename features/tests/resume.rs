//! A stream that goes on elsewhere has the rows of one that was never cut.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;

use common::packages::{packages, plans};
use common::signals::signal;
use common::{Kept, pieces, recurrent_plan, requested_plan, same_bits, seed_plan, stream};
use proptest::prelude::*;
use ser_features::{FrontEnd, FrontEndPlan, Trigger};

/// The rows after the first `told`, of a stream that goes on with sample `from`.
fn resumed(
    plan: &Arc<FrontEndPlan>,
    samples: &[f32],
    from: u64,
    told: usize,
    lengths: &[usize],
) -> Vec<Kept> {
    let mut front_end = FrontEnd::resume(Arc::clone(plan), from, told as u64).unwrap();
    let mut kept = Vec::new();
    for piece in pieces(&samples[from as usize..], lengths) {
        front_end.push(piece, &mut |segment| kept.push(segment.into()));
    }
    front_end.finish(&mut |segment| kept.push(segment.into()));
    assert_eq!(front_end.received(), samples.len() as u64);
    kept
}

/// Cuts a stream after every row, and goes on as late as possible and `back` samples
/// before that.
fn cut_after_every_row(plan: &Arc<FrontEndPlan>, samples: &[f32], lengths: &[usize], back: u64) {
    let whole = stream(plan, [samples]);
    let mut before = 0;
    for told in 0..=whole.len() {
        let latest = plan.replay_from(told as u64);
        assert!(latest >= before, "{latest} after {before}");
        before = latest;
        // A client that has ended its audio can't have more than it had.
        let latest = latest.min(samples.len() as u64);
        for from in [latest, latest.saturating_sub(back)] {
            let rest = resumed(plan, samples, from, told, lengths);
            assert!(
                same_bits(&rest, &whole[told..]),
                "{plan:?}: {told} of {} rows told, on from {from} of {} with {lengths:?}",
                whole.len(),
                samples.len(),
            );
        }
    }
    for (row, kept) in (0..).zip(&whole) {
        let ends = plan.end_samples(row);
        assert_eq!(kept.index, row);
        assert!(ends.contains(&kept.end_sample), "{ends:?}: {kept:?}");
        if kept.trigger == Trigger::Interval && plan.complete_at(row) <= samples.len() as u64 {
            assert_eq!(*ends.end(), kept.end_sample);
        }
    }
}

#[test]
fn the_seed_model_goes_on_after_every_row() {
    for hz in [8_000, 16_000, 22_050, 24_414, 44_100, 44_101, 48_000] {
        let plan = seed_plan(hz);
        let samples = signal("speech", hz as usize * 6 + 777);
        cut_after_every_row(&plan, &samples, &[hz as usize / 10], u64::from(hz) / 3);
        let speech = |kept: &[Kept]| kept.iter().filter(|kept| kept.speech).count();
        assert!(speech(&stream(&plan, [&*samples])) > 3);
    }
}

#[test]
fn no_more_than_the_window_and_a_second_is_replayed() {
    let plan = seed_plan(16_000);
    assert_eq!(plan.replay_from(0), 0);
    for rows in 10..40 {
        let replayed = *plan.end_samples(rows - 1).end() - plan.replay_from(rows);
        // A window less a hop, the voice detector's 1.15 s, a frame and the resampler.
        assert!(replayed <= 16_000 * 38 / 10, "{replayed}");
    }
    let plan = recurrent_plan(16_000, 22);
    let replayed = *plan.end_samples(30).end() - plan.replay_from(31);
    assert!(replayed <= 16_000 * 14 / 10, "{replayed}");
}

#[test]
fn rows_are_complete_with_the_sample_that_is_named() {
    for hz in [8_000, 22_050, 44_101] {
        let plan = recurrent_plan(hz, 5);
        let samples = signal("noise", hz as usize);
        for row in 0..3 {
            let complete = plan.complete_at(row) as usize;
            let mut front_end = FrontEnd::new(Arc::clone(&plan));
            let mut rows = 0;
            front_end.push(&samples[..complete - 1], &mut |_| rows += 1);
            assert_eq!(rows, row, "{hz} Hz");
            front_end.push(&samples[complete - 1..][..1], &mut |_| rows += 1);
            assert_eq!(rows, row + 1, "{hz} Hz");
        }
    }
}

#[test]
fn audio_that_comes_too_late_is_refused() {
    let plan = recurrent_plan(16_000, 4);
    let latest = plan.replay_from(100);
    assert!(FrontEnd::resume(Arc::clone(&plan), latest, 100).is_ok());
    let error = FrontEnd::resume(plan, latest + 1, 100).err().unwrap();
    let message = format!(
        "replay_from_sample: {}; expected at most {latest}",
        latest + 1
    );
    assert_eq!(error.to_string(), message);
}

#[test]
fn no_row_is_too_far_away_to_ask_for() {
    for plan in [seed_plan(192_000), recurrent_plan(192_000, 8_192)] {
        assert_eq!(plan.end_samples(u64::MAX), u64::MAX..=u64::MAX);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_windows_go_on_after_every_row(
        hz in prop::sample::select(vec![22_050, 8_000, 16_000, 24_414, 44_100, 48_000, 192_000]),
        name in prop::sample::select(vec!["noise", "speech", "clipped"]),
        tenths in 1..50_u32,
        odd in 0..600_usize,
        window_ms in 1_200..3_000_u64,
        hop_ms in 120..200_u64,
        small_model in any::<bool>(),
        lengths in prop::collection::vec(1..5_000_usize, 1..20),
        back in 1..50_000_u64,
    ) {
        let plan = requested_plan(hz, small_model, window_ms, hop_ms);
        let samples = signal(name, (hz * tenths / 10) as usize + odd);
        cut_after_every_row(&plan, &samples, &lengths, back);
    }

    #[test]
    fn any_package_goes_on_after_every_row(
        (front_end, windows) in packages(),
        hz in prop::sample::select(vec![8_000, 16_000, 22_050, 24_414, 44_101]),
        steps in 1..=12_usize,
        // Longer than the voice detector's memory, so that not everything is replayed.
        length in 1..60_000_usize,
        lengths in prop::collection::vec(1..7_000_usize, 1..20),
        back in 1..5_000_u64,
    ) {
        let samples = signal("speech", length);
        for plan in plans(&front_end, &windows, hz, steps) {
            // Rows may be a millisecond long; what is far from the end is all alike.
            let whole = stream(&plan, [&*samples]);
            let some = whole.len().div_ceil(20);
            for told in (0..=whole.len()).filter(|told| told % some == 0 || told + 5 > whole.len()) {
                let latest = plan.replay_from(told as u64).min(length as u64);
                for from in [latest, latest.saturating_sub(back)] {
                    let rest = resumed(&plan, &samples, from, told, &lengths);
                    prop_assert!(same_bits(&rest, &whole[told..]), "{told} told, on from {from}");
                }
                if told > 0 {
                    let (row, end) = (told as u64 - 1, whole[told - 1].end_sample);
                    prop_assert!(plan.end_samples(row).contains(&end), "{end} of row {row}");
                }
            }
        }
    }
}
