//! Tables for rates that clients make up, in a process where nobody else needs any.

#![allow(
    clippy::unwrap_used,
    reason = "test code: a failure here fails the test"
)]

use std::{sync::Barrier, thread};

use ser_features::{FeatureError, ResamplerTables, SampleRate};

#[test]
fn tables_for_uncommon_rates_are_few_and_come_free() {
    let tables = |hz| {
        let rate = |hz| SampleRate::new(hz).unwrap();
        ResamplerTables::shared(rate(hz), rate(16_000))
    };
    // Of one pair, whoever begins at the same time needs one place.
    let together = Barrier::new(64);
    thread::scope(|scope| {
        let begin = || {
            together.wait();
            let tables = tables(37_801);
            together.wait();
            tables.unwrap();
        };
        for _ in 0..64 {
            scope.spawn(begin);
        }
    });

    let uncommon = (8_001..).step_by(100);
    let mut in_use: Vec<_> = uncommon.clone().map_while(|hz| tables(hz).ok()).collect();
    let limit = in_use.len();
    let refused = FeatureError::UncommonRates { hz: 9_999, limit };
    assert_eq!(tables(9_999).unwrap_err(), refused);
    // Whoever uses the same shares them, and common rates always have a place.
    tables(8_001).unwrap();
    for hz in [8_000, 16_000, 22_050, 44_100, 48_000, 192_000] {
        tables(hz).unwrap();
    }
    in_use.pop();
    tables(9_999).unwrap();
    // Nobody keeps what nobody uses.
    drop(in_use);
    let again: Vec<_> = uncommon.map_while(|hz| tables(hz).ok()).collect();
    assert_eq!(again.len(), limit);
}
