//! Checkpoints that were made up.

use std::time::Duration;

use proptest::{collection::vec, prelude::*};
use prost::Message;
use ser_backend::DecisionSpec;

use super::{
    Checkpoint,
    lane::{LaneMemory, Limits},
};
use crate::decision::{Decider, SummaryBuilder};

const LIMITS: Limits = Limits {
    labels: 3,
    state: 2,
    smooths: true,
    rows: 9,
    end: Duration::from_secs(10),
};

/// What a stream could have remembered.
fn possible() -> LaneMemory {
    LaneMemory {
        clipping_told: false,
        smoothed: vec![0.5, 0.25, 0.25],
        silence: 1_000_000_000,
        results: 9,
        no_speech: 4_000_000_000,
        uncertain: 1_000_000_000,
        time_per_label: vec![4_000_000_000, 0, 2_000_000_000],
        weighted: vec![3.0, 1.0, 2.0],
        last_label: Some(2),
        state: vec![-3.5, 0.0],
    }
}

#[test]
fn what_can_be_true_is_taken() {
    assert!(possible().check(LIMITS).is_some());
    let anew = LaneMemory {
        time_per_label: vec![0; 3],
        weighted: vec![0.0; 3],
        state: vec![0.0; 2],
        ..LaneMemory::default()
    };
    assert!(anew.check(LIMITS).is_some());
}

#[test]
fn what_cannot_be_true_is_refused() {
    type Change = fn(&mut LaneMemory);
    let changes: [(&str, Change); 19] = [
        ("too few posteriors", |lane| lane.smoothed.truncate(2)),
        ("a posterior below 0", |lane| {
            lane.smoothed = vec![-0.5, 0.75, 0.75]
        }),
        ("a posterior that is none", |lane| {
            lane.smoothed[0] = f64::NAN
        }),
        ("posteriors that don't add up", |lane| {
            lane.smoothed[0] = 0.6
        }),
        ("silence longer than the audio", |lane| {
            lane.silence = 10_000_000_001
        }),
        ("too many results", |lane| lane.results = 10),
        ("more time than there is", |lane| lane.no_speech += 1),
        ("no end of time", |lane| lane.no_speech = u64::MAX),
        ("too much uncertainty", |lane| {
            lane.uncertain = 6_000_000_001
        }),
        ("a label too many", |lane| lane.time_per_label.push(0)),
        ("times without end", |lane| {
            lane.time_per_label = vec![u64::MAX; 3]
        }),
        ("a sum too many", |lane| lane.weighted.push(0.0)),
        ("a negative sum", |lane| {
            lane.weighted = vec![-1.0, 4.0, 3.0]
        }),
        ("an infinite sum", |lane| lane.weighted[0] = f64::INFINITY),
        ("sums that don't add up", |lane| lane.weighted[0] = 3.5),
        ("a label that isn't there", |lane| lane.last_label = Some(3)),
        ("no label", |lane| lane.last_label = None),
        ("a state of another model", |lane| lane.state.push(0.0)),
        ("a state without end", |lane| lane.state[0] = f32::INFINITY),
    ];
    for (what, change) in changes {
        let mut lane = possible();
        change(&mut lane);
        assert!(lane.check(LIMITS).is_none(), "{what}");
    }
    let unsmoothed = Limits {
        smooths: false,
        ..LIMITS
    };
    assert!(possible().check(unsmoothed).is_none());
}

fn numbers() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>(),
        0.0..1.0_f64,
        Just(0.0),
        Just(1.0),
        Just(f64::NAN)
    ]
}

proptest! {
    #[test]
    fn whatever_is_taken_can_be_gone_on_with(
        smoothed in vec(numbers(), 0..4),
        silence in any::<u64>(),
        results in 0..20_u64,
        times in vec(prop_oneof![any::<u64>(), 0..4_000_000_000_u64], 3),
        shares in vec(numbers(), 3),
        last_label in proptest::option::of(0..5_u64),
        clipping_told in any::<bool>(),
    ) {
        // Sums that come close to being possible.
        let seconds: f64 = times.iter().map(|&time| time as f64 / 1e9).sum();
        let total: f64 = shares.iter().sum();
        let lane = LaneMemory {
            clipping_told,
            smoothed,
            silence: silence % 20_000_000_000,
            results,
            no_speech: silence % 3_000_000_000,
            uncertain: silence % 2_000_000_000,
            time_per_label: times,
            weighted: shares.iter().map(|share| share / total * seconds).collect(),
            last_label,
            state: vec![0.0, 1.0],
        };
        if let Some(memory) = lane.check(LIMITS) {
            let spec = DecisionSpec { temperature: 1.0, uncertain_below: 0.5 };
            let constant = Some(Duration::from_secs(1));
            let mut decider = Decider::new(&spec, constant, 3).resume(memory.smoothed.unwrap());
            let mut summary = SummaryBuilder::new(3, None).resume(memory.totals);
            let span = Duration::from_millis(500);
            let decision = decider.decide(span, Some(&[0.2, 0.3, 0.5]));
            for &posterior in decision.classification().unwrap().posteriors {
                prop_assert!((0.0..=1.0).contains(&posterior));
            }
            summary.add(span, &decision);
            for mean in summary.finish().mean_posterior.unwrap() {
                prop_assert!((0.0..=1.0).contains(&mean));
            }
        }
    }

    #[test]
    fn no_bytes_are_too_much(bytes in vec(any::<u8>(), 0..2_000)) {
        if let Ok(checkpoint) = Checkpoint::decode(&bytes[..]) {
            for lane in checkpoint.lanes {
                // Whether it is true doesn't matter here.
                let _ = lane.check(LIMITS);
            }
        }
    }
}
