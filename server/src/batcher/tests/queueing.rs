//! Which rows share a batch, and in which order.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use super::*;
use crate::batcher::{queue::Queue, rounds::Round, row::QueuedRow};

/// A bench whose first batch, the row `-1`, is held up at the gate.
async fn held_up(config: &BatcherConfig) -> (Bench, Arc<Gate>, PendingRow) {
    let gate = Arc::new(Gate::default());
    let at_the_gate = Arc::clone(&gate);
    let bench = bench(1, config, move |_| {
        at_the_gate.pass();
        Ok(())
    });
    let first = bench.submit(-1.0).await;
    gate.wait_for(1);
    (bench, gate, first)
}

#[tokio::test]
async fn a_row_comes_back_in_its_own_buffers() {
    let bench = bench(1, &config(), |_| Ok(()));
    let mut row = row(0.25);
    row.state[0] = 3.0;
    let features = row.features.as_ptr();
    let posteriors = row.posteriors.as_ptr();
    let row = bench
        .batcher
        .submit(row, Pace::Live, None)
        .await
        .unwrap()
        .await
        .unwrap();
    assert_eq!(row.posteriors, [0.25, 0.5]);
    assert_eq!(row.next_state, [4.0]);
    assert_eq!(
        (row.features.as_ptr(), row.posteriors.as_ptr()),
        (features, posteriors)
    );
}

#[tokio::test]
async fn batches_fill_while_the_model_is_busy() {
    let (bench, gate, first) = held_up(&config()).await;
    let mut pending = Vec::new();
    for at in 0..74 {
        pending.push(bench.submit(at as f32).await);
    }
    gate.open();
    assert_eq!(mark(first.await), Ok(-1.0));
    for (at, row) in pending.into_iter().enumerate() {
        assert_eq!(mark(row.await), Ok(at as f32));
    }
    let rows: Vec<Vec<f32>> = vec![
        vec![-1.0],
        (0..64).map(|at| at as f32).collect(),
        (64..74).map(|at| at as f32).collect(),
    ];
    assert_eq!(bench.calls(), rows);
}

#[tokio::test]
async fn a_full_batch_waits_no_longer() {
    let patient = BatcherConfig {
        max_wait: Duration::from_secs(3600),
        ..config()
    };
    let bench = bench(2, &patient, |_| Ok(()));
    let mut pending = Vec::new();
    for at in 0..64 {
        pending.push(bench.submit(at as f32).await);
    }
    for row in pending {
        row.await.unwrap();
    }
    assert_eq!(bench.calls().iter().map(Vec::len).collect::<Vec<_>>(), [64]);
}

#[tokio::test]
async fn a_lone_row_waits_no_longer_than_it_may() {
    let hasty = BatcherConfig {
        max_wait: Duration::from_millis(2),
        ..config()
    };
    let bench = bench(2, &hasty, |_| Ok(()));
    assert_eq!(mark(bench.submit(1.0).await.await), Ok(1.0));
}

#[tokio::test]
async fn bulk_rows_take_the_places_that_live_rows_leave() {
    let (bench, gate, _first) = held_up(&config()).await;
    let mut pending = Vec::new();
    for at in 0..10 {
        pending.push(bench.submit_at(1000.0 + at as f32, Pace::Bulk).await);
    }
    for at in 0..60 {
        pending.push(bench.submit(at as f32).await);
    }
    gate.open();
    for row in pending {
        row.await.unwrap();
    }
    let live = (0..60).map(|at| at as f32);
    let expected: Vec<f32> = live.chain([1000.0, 1001.0, 1002.0, 1003.0]).collect();
    assert_eq!(bench.calls()[1], expected);
    assert_eq!(
        bench.calls()[2],
        [1004.0, 1005.0, 1006.0, 1007.0, 1008.0, 1009.0]
    );
}

#[tokio::test]
async fn a_cancelled_row_is_never_inferred() {
    let (bench, gate, _first) = held_up(&config()).await;
    drop(bench.submit(1.0).await);
    let kept = bench.submit(2.0).await;
    drop(bench.submit_at(3.0, Pace::Bulk).await);
    gate.open();
    assert_eq!(mark(kept.await), Ok(2.0));
    assert_eq!(bench.calls(), [vec![-1.0], vec![2.0]]);
}

#[tokio::test]
async fn the_queue_is_bounded_for_each_pace() {
    let small = BatcherConfig {
        queue_rows: NonZeroUsize::new(2).unwrap(),
        ..config()
    };
    let (bench, gate, _first) = held_up(&small).await;
    let cancelled = bench.submit(1.0).await;
    let second = bench.submit(2.0).await;
    let mut third = pin!(bench.batcher.submit(row(3.0), Pace::Live, None));
    let mut context = Context::from_waker(Waker::noop());
    assert!(third.as_mut().poll(&mut context).is_pending());
    let bulk = bench.submit_at(4.0, Pace::Bulk).await;
    drop(cancelled);
    gate.open();
    assert_eq!(mark(third.await.unwrap().await), Ok(3.0));
    assert_eq!(mark(second.await), Ok(2.0));
    assert_eq!(mark(bulk.await), Ok(4.0));
}

#[tokio::test]
async fn a_row_of_another_shape_is_refused() {
    let bench = bench(1, &config(), |_| Ok(()));
    let mut long = row(1.0);
    long.features.push(0.0);
    let answer = bench.batcher.submit(long, Pace::Live, None).await;
    assert_eq!(answer.unwrap_err(), RowError::Failed);
    assert!(bench.calls().is_empty());
}

/// The marks of the next batch.
fn take(queue: &mut Queue) -> Vec<f32> {
    let mut batch = Default::default();
    queue.take(&mut batch);
    batch
        .iter()
        .map(|row: &QueuedRow| row.buffers.features[0])
        .collect()
}

#[test]
fn one_place_of_a_full_batch_is_for_bulk_rows() {
    let mut queue = Queue::default();
    let mut waiting = Vec::new();
    for at in 0..100 {
        let (queued, pending) = QueuedRow::new(row(at as f32), Pace::Live, None);
        queue.push(queued, &mut Round::default());
        waiting.push(pending);
    }
    for at in [1000.0, 1001.0] {
        let (queued, pending) = QueuedRow::new(row(at), Pace::Bulk, None);
        queue.push(queued, &mut Round::default());
        waiting.push(pending);
    }
    let batch = take(&mut queue);
    assert_eq!((batch.len(), batch[62], batch[63]), (64, 62.0, 1000.0));
    let batch = take(&mut queue);
    assert_eq!((batch.len(), batch[36], batch[37]), (38, 99.0, 1001.0));
    assert!(queue.is_empty());
}

#[test]
fn a_cancelled_bulk_row_leaves_its_place_to_live_rows() {
    let mut queue = Queue::default();
    let mut waiting = Vec::new();
    for at in 0..64 {
        let (queued, pending) = QueuedRow::new(row(at as f32), Pace::Live, None);
        queue.push(queued, &mut Round::default());
        waiting.push(pending);
    }
    let (queued, pending) = QueuedRow::new(row(1000.0), Pace::Bulk, None);
    queue.push(queued, &mut Round::default());
    drop(pending);
    assert_eq!(
        take(&mut queue),
        (0..64).map(|at| at as f32).collect::<Vec<_>>()
    );
    assert!(queue.is_empty());
}

#[test]
fn a_dropped_row_says_that_the_model_is_down() {
    let (queued, pending) = QueuedRow::new(row(1.0), Pace::Live, None);
    drop(queued);
    let answer = pin!(pending).poll(&mut Context::from_waker(Waker::noop()));
    assert_eq!(answer, Poll::Ready(Err(RowError::ModelDown)));
}
