//! How a stream ends, what it says of its times, and that chunks don't matter.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::packages::{packages, plans};
use common::signals::signal;
use common::{
    Kept, pieces, rate, recurrent_plan, requested_plan, same_bits, seed, seed_plan, stream,
};
use proptest::prelude::*;
use ser_features::{FrontEnd, Trigger, clip_features};

fn ends_once(segments: &[Kept], received: u64) {
    let (last, others) = segments.split_last().unwrap();
    assert_eq!(last.trigger, Trigger::EndOfStream);
    assert_eq!(last.end_sample, received);
    assert!(last.new_start < last.end);
    assert!(
        others
            .iter()
            .all(|segment| segment.trigger == Trigger::Interval)
    );
    assert!(others.iter().all(|segment| segment.end_sample < received));
    let starts = segments.iter().map(|segment| segment.new_start);
    let ends = segments.iter().map(|segment| segment.end);
    assert!(
        starts.eq(std::iter::once(Duration::ZERO)
            .chain(ends)
            .take(segments.len()))
    );
}

#[test]
fn no_audio_gives_no_segment() {
    for hz in [22_050, 16_000] {
        assert_eq!(stream(&seed_plan(hz), []), []);
        assert_eq!(stream(&recurrent_plan(hz, 4), []), []);
    }
    let (front_end, _) = seed();
    let error = clip_features(&front_end, rate(16_000), &[]).unwrap_err();
    assert_eq!(error.to_string(), "samples: 0; expected at least 1");
}

#[test]
fn one_sample_gives_one_segment() {
    for hz in [8_000, 22_050, 192_000] {
        for plan in [seed_plan(hz), recurrent_plan(hz, 4)] {
            let segments = stream(&plan, [&[0.5_f32][..]]);
            assert_eq!(segments.len(), 1);
            ends_once(&segments, 1);
        }
    }
}

#[test]
fn a_result_at_the_last_sample_is_not_repeated() {
    let segments = stream(&seed_plan(22_050), [&*signal("noise", 44 * 512)]);
    assert_eq!(segments.len(), 1);
    assert_eq!(segments[0].trigger, Trigger::Interval);
}

#[test]
fn a_window_that_ends_with_resampled_audio_ends_the_stream() {
    // 44 × 512 samples at 22,050 Hz are 22,528 at 22,050, 45,056 at 44,100 Hz:
    // the resampler's look-ahead keeps the last window open to the end.
    let segments = stream(&seed_plan(44_100), [&*signal("noise", 2 * 44 * 512)]);
    assert_eq!(segments.len(), 1);
    ends_once(&segments, 2 * 44 * 512);
}

#[test]
fn the_end_of_the_audio_cuts_the_next_window_short() {
    let segments = stream(&seed_plan(22_050), [&*signal("noise", 140 * 512 + 7)]);
    ends_once(&segments, 140 * 512 + 7);
    let last = segments.last().unwrap();
    let frames = |n: f64| Duration::from_secs_f64(n * 512.0 / 22_050.0);
    assert!(last.start.abs_diff(frames(25.0)) < Duration::from_nanos(2));
    assert_eq!(last.new_start, segments[segments.len() - 2].end);
}

#[test]
fn segments_come_with_the_sample_that_completes_them() {
    for hz in [22_050, 16_000, 48_000] {
        for plan in [seed_plan(hz), recurrent_plan(hz, 4)] {
            let mut front_end = FrontEnd::new(Arc::clone(&plan));
            let delay = plan.algorithmic_delay();
            let mut count = 0;
            for (i, sample) in signal("speech", hz as usize * 4).iter().enumerate() {
                front_end.push(std::slice::from_ref(sample), &mut |segment| {
                    let now = Duration::from_secs_f64(i as f64 / f64::from(hz));
                    assert!(now <= segment.end + delay, "{segment:?} at {now:?}");
                    assert!(segment.end_sample <= i as u64 + 1);
                    count += 1;
                });
            }
            assert!(count > 5);
        }
    }
}

#[test]
fn the_rows_of_the_flush_share_the_tail() {
    // Frames of one step: those that zeros reach into come at the end.
    let plan = recurrent_plan(22_050, 1);
    let segments = stream(&plan, [&*signal("noise", 10_000)]);
    ends_once(&segments, 10_000);
    assert_eq!(segments.len(), 10_000 / 512 + 1);
    assert!(segments.is_sorted_by(|a, b| a.end < b.end));
}

#[test]
fn the_last_segment_ends_with_the_audio() {
    for hz in [8_000, 11_025, 16_000, 24_414, 44_100, 48_000, 192_000] {
        for length in [1_usize, 777, 15_003, 40_001] {
            // Seconds to the nearest nanosecond, of integers.
            let (samples, rate) = (length as u128, u128::from(hz));
            let nanos = (samples * 2_000_000_000 + rate) / (2 * rate);
            for plan in [seed_plan(hz), recurrent_plan(hz, 4)] {
                let segments = stream(&plan, [&*signal("noise", length)]);
                let last = segments.last().unwrap();
                assert_eq!(last.end.as_nanos(), nanos, "{length} samples at {hz} Hz");
                let spans = segments
                    .iter()
                    .map(|segment| segment.end - segment.new_start);
                assert_eq!(spans.sum::<Duration>(), last.end);
            }
        }
    }
}

#[test]
fn a_finished_stream_stays_finished() {
    let mut front_end = FrontEnd::new(seed_plan(16_000));
    let mut count = 0;
    front_end.push(&signal("noise", 5_000), &mut |_| count += 1);
    front_end.finish(&mut |_| count += 1);
    front_end.finish(&mut |_| count += 1);
    front_end.push(&signal("noise", 50_000), &mut |_| count += 1);
    assert_eq!((count, front_end.received()), (1, 5_000));
}

#[test]
fn any_finite_sample_gives_finite_features() {
    for hz in [22_050, 16_000] {
        let mut samples = signal("noise", 60_000);
        samples[10_000] = f32::MAX;
        samples[10_001] = f32::MIN;
        samples[30_000..30_100].fill(f32::MAX);
        for segment in stream(&seed_plan(hz), [&*samples]) {
            assert!(
                segment.features.iter().all(|x| x.is_finite()),
                "{hz} Hz: {segment:?}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn windowed_results_do_not_depend_on_chunks(
        hz in prop::sample::select(vec![22_050, 8_000, 16_000, 24_414, 44_100, 48_000, 192_000]),
        name in prop::sample::select(vec!["noise", "speech", "clipped"]),
        tenths in 1..40_u32,
        odd in 0..600_usize,
        window_ms in 1_200..4_000_u64,
        hop_ms in 120..200_u64,
        small_model in any::<bool>(),
        lengths in prop::collection::vec(1..5_000_usize, 1..20),
    ) {
        let plan = requested_plan(hz, small_model, window_ms, hop_ms);
        let samples = signal(name, (hz * tenths / 10) as usize + odd);
        let whole = stream(&plan, [&*samples]);
        let cut = stream(&plan, pieces(&samples, &lengths));
        prop_assert!(same_bits(&whole, &cut));
        let singles = stream(&plan, samples.chunks(1));
        prop_assert!(same_bits(&whole, &singles));
    }

    #[test]
    fn recurrent_results_do_not_depend_on_chunks(
        hz in prop::sample::select(vec![22_050, 8_000, 44_101, 48_000]),
        steps in 1..9_usize,
        length in 1..60_000_usize,
        lengths in prop::collection::vec(1..5_000_usize, 1..20),
    ) {
        let plan = recurrent_plan(hz, steps);
        let samples = signal("speech", length);
        let whole = stream(&plan, [&*samples]);
        let cut = stream(&plan, pieces(&samples, &lengths));
        prop_assert!(same_bits(&whole, &cut));
        let singles = stream(&plan, samples.chunks(1));
        prop_assert!(same_bits(&whole, &singles));
    }

    #[test]
    fn any_package_streams(
        (front_end, windows) in packages(),
        hz in prop::sample::select(vec![8_000, 16_000, 22_050, 24_414]),
        steps in 1..=12_usize,
        length in 1..6_000_usize,
        lengths in prop::collection::vec(1..700_usize, 1..20),
    ) {
        let samples = signal("speech", length);
        for plan in plans(&front_end, &windows, hz, steps) {
            let whole = stream(&plan, [&*samples]);
            prop_assert!(same_bits(&whole, &stream(&plan, pieces(&samples, &lengths))));
            for segment in &whole {
                prop_assert!(segment.features.iter().all(|x| x.is_finite()));
                prop_assert_eq!(segment.features.len(), plan.row_len());
                prop_assert!((1..=plan.row_len() / plan.width()).contains(&segment.valid_steps));
            }
            let last = whole.last().unwrap();
            prop_assert_eq!(last.end_sample, length as u64);
        }
    }

    #[test]
    fn a_stream_of_one_window_has_the_features_of_the_clip(
        hz in prop::sample::select(vec![22_050, 8_000, 24_414, 48_000]),
        milliseconds in 1..1_000_u32,
    ) {
        let (front_end, _) = seed();
        let samples = signal("clipped", (hz * milliseconds / 1_000) as usize);
        let segments = stream(&seed_plan(hz), [&*samples]);
        prop_assert_eq!(segments.len(), 1);
        let clip = clip_features(&front_end, rate(hz), &samples).unwrap();
        prop_assert_eq!(&segments[0].features, &clip);
    }
}
