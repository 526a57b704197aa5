//! A recurrent package on the real backend.

use std::path::PathBuf;

use proptest::{prelude::Strategy, strategy::ValueTree, test_runner::TestRunner};
use ser_backend::{Backend, Batch, DeviceOptions, ModelPackage, Row};
use ser_backend_burn::BurnBackend;
use ser_proto::v1::Verdict;

use super::{Bench, config, cut};
use crate::{config::PackageConfig, fixture::bytes};

/// Results are those of the golden rows, whose features `librosa` computed, with
/// the state going from each row in which somebody speaks to the next.
#[tokio::test]
async fn results_are_those_of_the_chained_golden_rows() {
    let path = PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../backends/core/tests/packages/tiny-recurrent/1"
    ));
    let package = ModelPackage::read(&path).unwrap();
    let audio = &package.golden.audio[0];
    let samples = bytes(&audio.samples().unwrap());
    let bench = Bench::with(|fixture| {
        fixture.config.models.directory = None;
        fixture.config.models.packages = vec![PackageConfig {
            backend: Some("burn".to_owned()),
            ..PackageConfig::new(path)
        }];
    });
    let whole = bench.stream(config(), [&samples[..]]).await;
    assert!(whole.end.is_none(), "{:?}", whole.end);
    assert_eq!(whole.results.len(), audio.rows.len());

    let mut model = BurnBackend::new()
        .load(&package, &DeviceOptions::default())
        .unwrap();
    let mut batch = Batch::new(model.info().shape);
    let mut state = vec![0.0; batch.shape().state];
    let mut classified = 0;
    for (result, row) in whole.results.iter().zip(&audio.rows) {
        if result.verdict() == Verdict::NoSpeech {
            continue;
        }
        classified += 1;
        batch.clear();
        batch.push(Row {
            features: &row.features,
            state: &state,
            valid_steps: row.valid_steps,
        });
        model.infer(&mut batch).unwrap();
        state.copy_from_slice(batch.next_state(0));
        for (label, expected) in package.manifest.labels.iter().zip(batch.posteriors(0)) {
            let score = result.scores.iter().find(|score| score.label == *label);
            let got = score.unwrap().probability;
            assert!(
                (got - expected).abs() < 1e-4,
                "{label} of row {}: {got}; expected {expected}",
                result.sequence
            );
        }
    }
    assert!(classified >= 2, "no state went from row to row");

    let mut runner = TestRunner::default();
    let sizes = proptest::collection::vec(1..3_000_usize, 1..20);
    for _ in 0..8 {
        let sizes = sizes.new_tree(&mut runner).unwrap().current();
        let said = bench.stream(config(), cut(&samples, &sizes)).await;
        assert_eq!(said.all, whole.all, "chunks of {sizes:?}");
    }
    let single = bench.stream(config(), samples.chunks(1)).await;
    assert_eq!(single.all, whole.all);
}
