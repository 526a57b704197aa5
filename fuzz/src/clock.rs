//! Virtual time, which passes only when nobody has anything to do.

use std::{
    future::Future,
    pin::pin,
    sync::LazyLock,
    task::{Context, Poll, Waker},
    thread,
    time::Duration,
};

use ser_server::batcher::Pace;
use tokio::{
    runtime::{Builder, Runtime},
    task::unconstrained,
    time::sleep,
};

use crate::server::Small;

/// The least time that passes.
const TICK: Duration = Duration::from_millis(1);

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let mut builder = Builder::new_current_thread();
    builder.enable_time().start_paused(true);
    builder.build().expect("a runtime")
});

/// Runs `future` in virtual time.
pub fn run<F: Future>(future: F) -> F::Output {
    RUNTIME.block_on(future)
}

/// Lets `time` pass, and waits until all has come of it that comes by itself: no stream
/// has anything to do, nor has a model.
pub async fn pass(small: &Small, time: Duration) {
    let mut time = time.max(TICK);
    loop {
        sleep(time).await;
        time = TICK;
        // The threads of the models know nothing of virtual time. What was queued before
        // a row of ours is computed by the time that it is.
        let before = small.backend.rows();
        let ours = probe(small);
        if small.backend.rows() == before + ours {
            return;
        }
    }
}

/// Computes a row on each model, and says how many that were.
fn probe(small: &Small) -> u64 {
    let models = small.server.models().list();
    let submitted: Vec<_> = models
        .iter()
        .map(|model| {
            wait(
                model
                    .batcher()
                    .submit(model.row_buffers(), Pace::Bulk, None),
            )
        })
        .collect();
    let rows = submitted.len() as u64;
    for row in submitted {
        wait(row.expect("a model that serves")).expect("a row that is computed");
    }
    rows
}

/// Waits while nothing else on this thread goes on, and so no virtual time passes.
fn wait<F: Future>(future: F) -> F::Output {
    let mut future = pin!(unconstrained(future));
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        thread::yield_now();
    }
}
