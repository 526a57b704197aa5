//! Many streams at once.

use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::*;

const STREAMS: usize = 100;
const ROWS_PER_STREAM: usize = 100;

/// One stream: submits rows, some of them several at a time, drops some of those
/// without awaiting them, and returns how many it awaited.
async fn stream(batcher: Batcher, id: usize) -> usize {
    let mut random = StdRng::seed_from_u64(id as u64);
    let pace = if id.is_multiple_of(3) {
        Pace::Bulk
    } else {
        Pace::Live
    };
    let mut answered = 0;
    let mut at = 0;
    while at < ROWS_PER_STREAM {
        let burst = random.random_range(1..=4).min(ROWS_PER_STREAM - at);
        let mut pending = Vec::new();
        for mark in (at..at + burst).map(|at| (id * ROWS_PER_STREAM + at) as f32) {
            let row = batcher.submit(row(mark), pace, None).await.unwrap();
            if random.random_bool(0.8) {
                pending.push((mark, row));
            }
        }
        for (expected, row) in pending {
            assert_eq!(mark(row.await), Ok(expected));
            answered += 1;
        }
        at += burst;
    }
    answered
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_rows_with_streams_that_go() {
    let config = BatcherConfig {
        max_wait: Duration::from_micros(200),
        queue_rows: NonZeroUsize::new(32).unwrap(),
        ..config()
    };
    let bench = bench(3, &config, |rows| {
        if rows.iter().any(|&mark| (mark as usize).is_multiple_of(997)) {
            // The others of the batch must not notice.
            assert!(rows.len() == 1, "as the test wants it");
        }
        Ok(())
    });
    let streams: Vec<_> = (0..STREAMS)
        .map(|id| tokio::spawn(stream(bench.batcher.clone(), id)))
        .collect();
    let mut answered = 0;
    for stream in streams {
        answered += stream.await.unwrap();
    }
    let mut inferred: Vec<f32> = bench.calls().concat();
    inferred.sort_by(f32::total_cmp);
    inferred.dedup();
    assert!(inferred.len() >= answered);
    assert!(inferred.len() <= STREAMS * ROWS_PER_STREAM);
    assert!(bench.batcher.is_serving());
}
