//! Whose rows go first.

use std::collections::{HashMap, VecDeque};

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::batcher::{queue::Queue, rounds::Round, row::QueuedRow};

/// What happens to the queue.
#[derive(Clone, Debug)]
enum Step {
    /// A stream submits so many rows at once.
    Submit { stream: usize, rows: usize },
    /// A worker takes a batch.
    Take,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let submit = (0..40_usize, 1..=64_usize).prop_map(|(stream, rows)| Step::Submit {
        stream,
        // Most streams have few rows, some have many.
        rows: if stream.is_multiple_of(5) {
            rows
        } else {
            1 + rows % 2
        },
    });
    vec(prop_oneof![4 => submit, 1 => Just(Step::Take)], 1..120)
}

/// A row that waits, as the test knows it.
struct Known {
    mark: f32,
    /// Rows of each other stream that were taken while this was its stream's first.
    overtaken: HashMap<usize, usize>,
}

proptest! {
    /// However many rows other streams have, none gets more than two into batches while
    /// one's only row waits; and a stream's rows keep their order.
    #[test]
    fn no_stream_waits_for_all_rows_of_another(steps in steps(), bulk in any::<bool>()) {
        let pace = if bulk { Pace::Bulk } else { Pace::Live };
        let mut queue = Queue::default();
        let mut next = vec![Round::default(); 40];
        let mut known: Vec<VecDeque<Known>> = (0..40).map(|_| VecDeque::new()).collect();
        let mut pending = Vec::new();
        let mut marks = HashMap::new();
        for step in steps.into_iter().chain(std::iter::repeat_n(Step::Take, 130)) {
            match step {
                Step::Submit { stream, rows } => {
                    // A stream has at most 64 rows on their way.
                    for _ in 0..rows.min(64 - known[stream].len()) {
                        let mark = marks.len() as f32;
                        marks.insert(marks.len(), stream);
                        let (queued, row) = QueuedRow::new(row(mark), pace, None);
                        queue.push(queued, &mut next[stream]);
                        pending.push(row);
                        known[stream].push_back(Known { mark, overtaken: HashMap::new() });
                    }
                }
                Step::Take => {
                    let mut batch = VecDeque::new();
                    queue.take(&mut batch);
                    for row in batch {
                        let mark = row.buffers.features[0];
                        let stream = marks[&(mark as usize)];
                        let first = known[stream].pop_front().unwrap();
                        prop_assert_eq!(first.mark, mark, "out of order");
                        for (other, rows) in known.iter_mut().enumerate() {
                            if other != stream && rows.len() == 1 {
                                *rows[0].overtaken.entry(stream).or_default() += 1;
                                prop_assert!(rows[0].overtaken[&stream] <= 2);
                            }
                        }
                    }
                }
            }
        }
        prop_assert!(queue.is_empty());
        prop_assert!(known.iter().all(VecDeque::is_empty));
    }
}

#[test]
fn a_greedy_stream_has_one_row_in_each_round() {
    let mut queue = Queue::default();
    let mut pending = Vec::new();
    let mut push = |mark: f32, next: &mut Round, queue: &mut Queue| {
        let (queued, row) = QueuedRow::new(row(mark), Pace::Live, None);
        queue.push(queued, next);
        pending.push(row);
    };
    let mut greedy = Round::default();
    for at in 0..200 {
        push(1_000.0 + at as f32, &mut greedy, &mut queue);
    }
    for at in 0..10 {
        push(at as f32, &mut Round::default(), &mut queue);
    }
    let mut batch = VecDeque::new();
    queue.take(&mut batch);
    let marks: Vec<f32> = batch.iter().map(|row| row.buffers.features[0]).collect();
    let modest: Vec<f32> = (0..10).map(|at| at as f32).collect();
    assert_eq!(marks[0], 1_000.0);
    assert_eq!(marks[1..11], modest);
    assert_eq!((marks.len(), marks[11], marks[63]), (64, 1_001.0, 1_053.0));
}
