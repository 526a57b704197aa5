//! What fails, ends as little as possible.

use super::*;
use crate::batcher::MAX_REPLACEMENTS;

/// Queues rows `0..8` while row `-1` holds the worker up at the gate, so that
/// they share a batch, and returns their answers.
async fn answers_of_one_batch(bench: &Bench, gate: &Gate) -> Vec<Result<f32, RowError>> {
    let first = bench.submit(-1.0).await;
    gate.wait_for(1);
    let mut pending = Vec::new();
    for at in 0..8 {
        pending.push(bench.submit(at as f32).await);
    }
    gate.open();
    assert_eq!(mark(first.await), Ok(-1.0));
    let mut answers = Vec::new();
    for row in pending {
        answers.push(mark(row.await));
    }
    answers
}

/// Every row but the third has its own answer.
fn all_but_row_3() -> Vec<Result<f32, RowError>> {
    let answer = |at| {
        if at == 3 {
            Err(RowError::Failed)
        } else {
            Ok(at as f32)
        }
    };
    (0..8).map(answer).collect()
}

#[tokio::test]
async fn only_the_failing_row_of_a_batch_fails() {
    let gate = Arc::new(Gate::default());
    let at_the_gate = Arc::clone(&gate);
    let bench = bench(1, &config(), move |rows| {
        at_the_gate.pass();
        if rows.contains(&3.0) {
            Err(inference_error())
        } else {
            Ok(())
        }
    });
    assert_eq!(answers_of_one_batch(&bench, &gate).await, all_but_row_3());
    let mut expected = vec![vec![-1.0], (0..8).map(|at| at as f32).collect()];
    expected.extend((0..8).map(|at| vec![at as f32]));
    assert_eq!(bench.calls(), expected, "the whole batch, then row by row");
    assert!(bench.batcher.is_serving());
    assert_eq!(bench.instances(), 1, "an error replaces no instance");
}

#[tokio::test]
async fn a_row_whose_outputs_are_not_finite_fails_alone() {
    for poison in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let gate = Arc::new(Gate::default());
        let at_the_gate = Arc::clone(&gate);
        let bench = bench_with_outputs(
            1,
            &config(),
            move |_| {
                at_the_gate.pass();
                Ok(())
            },
            move |posteriors| {
                for row in posteriors.chunks_mut(SHAPE.classes) {
                    row[1] = if row[0] == 3.0 { poison } else { row[1] };
                }
            },
        );
        assert_eq!(answers_of_one_batch(&bench, &gate).await, all_but_row_3());
        assert!(bench.batcher.is_serving());
    }
}

#[tokio::test]
async fn a_worker_that_panics_goes_on_with_a_new_instance() {
    let gate = Arc::new(Gate::default());
    let at_the_gate = Arc::clone(&gate);
    let bench = bench(1, &config(), move |rows| {
        at_the_gate.pass();
        assert!(!rows.contains(&3.0), "as the test wants it");
        Ok(())
    });
    assert_eq!(answers_of_one_batch(&bench, &gate).await, all_but_row_3());
    assert_eq!(mark(bench.submit(9.0).await.await), Ok(9.0));
    assert!(bench.batcher.is_serving());
    assert_eq!(
        bench.instances(),
        3,
        "one to begin with, one after the batch, one after the row alone"
    );
}

#[tokio::test]
async fn a_model_that_always_panics_goes_down() {
    let bench = bench(2, &config(), |_| panic!("as the test wants it"));
    let mut failed = 0;
    let last = loop {
        match bench.batcher.submit(row(1.0), Pace::Live, None).await {
            Ok(pending) => match mark(pending.await) {
                Err(RowError::Failed) => failed += 1,
                other => break other,
            },
            Err(error) => break Err(error),
        }
    };
    assert_eq!(last, Err(RowError::ModelDown));
    assert_eq!(
        failed,
        MAX_REPLACEMENTS / 2,
        "a row panics in its batch, then alone"
    );
    assert!(!bench.batcher.is_serving());
    assert_eq!(bench.instances(), 2 + MAX_REPLACEMENTS);
}

#[tokio::test]
async fn a_call_that_hangs_takes_the_model_down() {
    let gate = Arc::new(Gate::default());
    let at_the_gate = Arc::clone(&gate);
    let one_place = NonZeroUsize::new(1).unwrap();
    let config = BatcherConfig {
        queue_rows: one_place,
        ..short_deadline()
    };
    let bench = bench(1, &config, move |_| {
        at_the_gate.pass();
        Ok(())
    });
    let mut serving = bench.batcher.serving();
    assert!(*serving.borrow_and_update());
    let in_the_call = bench.submit(1.0).await;
    gate.wait_for(1);
    let queued = bench.submit(2.0).await;
    let without_a_place = bench.batcher.submit(row(3.0), Pace::Live, None);
    assert_eq!(without_a_place.await.unwrap_err(), RowError::ModelDown);
    assert_eq!(mark(in_the_call.await), Err(RowError::ModelDown));
    assert_eq!(mark(queued.await), Err(RowError::ModelDown));
    serving.changed().await.unwrap();
    assert!(!*serving.borrow());
    assert!(!bench.batcher.is_serving());
    let later = bench.batcher.submit(row(4.0), Pace::Bulk, None).await;
    assert_eq!(later.unwrap_err(), RowError::ModelDown);
    // Dropping the batcher must not wait for the thread at the gate.
    let Bench { batcher, model } = bench;
    drop(batcher);
    gate.open();
    assert_eq!(*model.calls.lock().unwrap(), [[1.0]]);
}

#[tokio::test]
async fn a_hanging_call_ends_the_rows_of_other_workers_too() {
    let (hangs, waits) = (Arc::new(Gate::default()), Arc::new(Gate::default()));
    let (at_first, at_second) = (Arc::clone(&hangs), Arc::clone(&waits));
    let bench = bench(2, &short_deadline(), move |rows| {
        if rows == [1.0] {
            at_first.pass()
        } else {
            at_second.pass()
        }
        Ok(())
    });
    let first = bench.submit(1.0).await;
    hangs.wait_for(1);
    let second = bench.submit(2.0).await;
    waits.wait_for(1);
    assert_eq!(mark(first.await), Err(RowError::ModelDown));
    assert_eq!(mark(second.await), Err(RowError::ModelDown));
    hangs.open();
    waits.open();
}

fn inference_error() -> BackendError {
    BackendError::Inference("as the test wants it".to_owned())
}
