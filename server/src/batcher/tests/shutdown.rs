//! Dropping the last batcher stops its threads.

use super::*;

#[tokio::test]
async fn what_is_queued_is_finished() {
    let bench = bench(2, &config(), |_| Ok(()));
    let mut pending = Vec::new();
    for at in 0..500 {
        pending.push(bench.submit(at as f32).await);
    }
    let Bench { batcher, model } = bench;
    drop(batcher);
    assert_eq!(
        model
            .calls
            .lock()
            .unwrap()
            .iter()
            .map(Vec::len)
            .sum::<usize>(),
        500
    );
    for (at, row) in pending.into_iter().enumerate() {
        assert_eq!(mark(row.await), Ok(at as f32));
    }
}

#[tokio::test]
async fn a_clone_keeps_the_workers() {
    let bench = bench(1, &config(), |_| Ok(()));
    let clone = bench.batcher.clone();
    drop(bench);
    let pending = clone.submit(row(1.0), Pace::Live, None).await.unwrap();
    assert_eq!(mark(pending.await), Ok(1.0));
}

#[tokio::test]
async fn a_row_that_waits_for_company_goes_at_once() {
    let patient = BatcherConfig {
        max_wait: Duration::from_secs(3600),
        ..config()
    };
    let bench = bench(2, &patient, |_| Ok(()));
    let pending = bench.submit(1.0).await;
    drop(bench);
    assert_eq!(mark(pending.await), Ok(1.0));
}

#[tokio::test]
async fn a_call_that_hangs_is_not_waited_for() {
    let gate = Arc::new(Gate::default());
    let at_the_gate = Arc::clone(&gate);
    let bench = bench(1, &short_deadline(), move |_| {
        at_the_gate.pass();
        Ok(())
    });
    let in_the_call = bench.submit(1.0).await;
    gate.wait_for(1);
    let queued = bench.submit(2.0).await;
    drop(bench);
    assert_eq!(mark(in_the_call.await), Err(RowError::ModelDown));
    assert_eq!(mark(queued.await), Err(RowError::ModelDown));
    gate.open();
}

#[test]
fn idle_batchers_come_and_go() {
    for instances in 1..5 {
        for _ in 0..50 {
            drop(bench(instances, &config(), |_| Ok(())));
        }
    }
}
