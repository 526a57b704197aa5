//! What submitters, workers and the watchdog of one model share.

use std::{
    any::Any,
    collections::VecDeque,
    fmt, mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use ser_backend::{Model, RowShape};
use tokio::sync::{Semaphore, watch};

use super::{
    rounds::Round,
    row::{Pace, PendingRow, QueuedRow, RowBuffers, RowError},
    spare::Spare,
    state::{Activity, Phase, State},
    statistics::Statistics,
};
use crate::{
    config::BatcherConfig,
    telemetry::{ModelMetrics, WindowSpan},
};

/// The model is down, or the caller was given up on: it has nothing left to do.
#[derive(Debug)]
pub(super) struct Abandoned;

/// Names a worker.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seat(usize);

pub(super) struct Shared {
    name: String,
    shape: RowShape,
    config: BatcherConfig,
    metrics: ModelMetrics,
    spare: Mutex<Spare>,
    state: Mutex<State>,
    /// There may be rows to collect.
    rows: Condvar,
    /// The worker that collects rows may stop waiting for more.
    full: Condvar,
    /// A worker left, or a call began while the watchdog had nothing to watch.
    calls: Condvar,
    live_places: Semaphore,
    bulk_places: Semaphore,
    pub(super) serving: watch::Sender<bool>,
    pub(super) statistics: Statistics,
}

impl fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Shared")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn new(
        name: &str,
        model: Box<dyn Model>,
        config: &BatcherConfig,
        metrics: ModelMetrics,
    ) -> Self {
        let places = config.queue_rows.get().min(Semaphore::MAX_PERMITS);
        Self {
            name: name.to_owned(),
            shape: model.info().shape,
            config: config.clone(),
            metrics,
            spare: Mutex::new(Spare::new(model)),
            state: Mutex::new(State::new()),
            rows: Condvar::new(),
            full: Condvar::new(),
            calls: Condvar::new(),
            live_places: Semaphore::new(places),
            bulk_places: Semaphore::new(places),
            serving: watch::Sender::new(true),
            statistics: Statistics::new(),
        }
    }

    pub(super) fn shape(&self) -> RowShape {
        self.shape
    }

    pub(super) fn metrics(&self) -> &ModelMetrics {
        &self.metrics
    }

    pub(super) fn max_wait(&self) -> Duration {
        self.config.max_wait
    }

    /// No code of others runs while the lock is held, so a poisoned state is a
    /// sound one.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn submit(
        &self,
        row: RowBuffers,
        pace: Pace,
        next: &mut Round,
        span: Option<WindowSpan>,
    ) -> Result<PendingRow, RowError> {
        if !row.fits(self.shape) {
            tracing::error!(model = self.name, "a row isn't of the model's shape");
            return Err(RowError::Failed);
        }
        let places = match pace {
            Pace::Live => &self.live_places,
            Pace::Bulk => &self.bulk_places,
        };
        let place = places.acquire().await.map_err(|_| RowError::ModelDown)?;
        let (queued, pending) = QueuedRow::new(row, pace, span);
        let mut state = self.lock();
        if state.phase != Phase::Open {
            return Err(RowError::ModelDown);
        }
        state.queue.push(queued, next);
        // The worker that takes the row gives its place back.
        place.forget();
        if !state.collecting {
            self.rows.notify_one();
        } else if state.queue.fills_a_batch() {
            self.full.notify_one();
        }
        Ok(pending)
    }

    /// Makes a worker known.
    pub(super) fn enter(&self) -> Seat {
        let mut state = self.lock();
        state.workers.push(Activity::Between);
        Seat(state.workers.len() - 1)
    }

    /// Takes the next batch to `batch`, which is empty. False when there won't
    /// be another.
    pub(super) fn next_batch(&self, batch: &mut VecDeque<QueuedRow>) -> bool {
        while batch.is_empty() {
            let mut state = self.lock();
            while state.phase == Phase::Open && (state.collecting || state.queue.is_empty()) {
                state = self
                    .rows
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            let Some(oldest) = state.queue.oldest() else {
                return false;
            };
            state.collecting = true;
            while state.phase == Phase::Open && !state.queue.fills_a_batch() {
                let left = self.config.max_wait.saturating_sub(oldest.elapsed());
                if left.is_zero() {
                    break;
                }
                let waited = self.full.wait_timeout(state, left);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
            }
            state.collecting = false;
            let freed = state.queue.take(batch);
            if !state.queue.is_empty() {
                self.rows.notify_one();
            }
            drop(state);
            self.live_places.add_permits(freed.live);
            self.bulk_places.add_permits(freed.bulk);
        }
        for row in batch.iter() {
            self.metrics.row_taken(row.pace, row.since.elapsed());
        }
        true
    }

    /// Calls the model under the eye of the watchdog, which meanwhile holds
    /// `rows`. The inner result is an error if the call panicked.
    pub(super) fn call<T>(
        &self,
        Seat(seat): Seat,
        rows: &mut VecDeque<QueuedRow>,
        call: impl FnOnce() -> T,
    ) -> Result<Result<T, String>, Abandoned> {
        let mut state = self.lock();
        if state.phase == Phase::Down {
            return Err(Abandoned);
        }
        state.workers[seat] = Activity::Calling {
            since: Instant::now(),
            rows: mem::take(rows),
        };
        if mem::take(&mut state.watchdog_idle) {
            self.calls.notify_all();
        }
        drop(state);

        let outcome = catch_unwind(AssertUnwindSafe(call)).map_err(panic_text);

        let mut state = self.lock();
        match mem::replace(&mut state.workers[seat], Activity::Between) {
            Activity::Calling { rows: kept, .. } => *rows = kept,
            // The watchdog was faster, but may not have failed the model yet.
            gone => {
                state.workers[seat] = gone;
                return Err(Abandoned);
            }
        }
        if state.phase == Phase::Down {
            Err(Abandoned)
        } else {
            Ok(outcome)
        }
    }

    /// An instance in place of one that panicked, unless there were too many.
    /// To be called from within [`call`](Self::call): it may hang, too.
    pub(super) fn replacement(&self) -> Result<Box<dyn Model>, String> {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        spare.replacement()
    }

    pub(super) fn call_failed(&self, rows: usize, reason: &str) {
        self.metrics.inference_failed();
        tracing::warn!(model = self.name, rows, reason, "inference failed");
    }

    /// Takes the model down. Rows that are dropped here answer `ModelDown`.
    pub(super) fn fail(&self, reason: &str) {
        let mut state = self.lock();
        if state.phase == Phase::Down {
            return;
        }
        state.phase = Phase::Down;
        let queue = mem::take(&mut state.queue);
        let in_calls: Vec<_> = state.workers.iter_mut().map(Activity::take_rows).collect();
        drop(state);
        tracing::error!(model = self.name, reason, "model is down");
        self.serving.send_replace(false);
        self.live_places.close();
        self.bulk_places.close();
        self.wake_all();
        drop((queue, in_calls));
    }

    /// Lets the workers finish, and gives up on those that take too long.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        if state.phase == Phase::Open {
            state.phase = Phase::Closing;
        }
        self.wake_all();
        let began = Instant::now();
        while !state.all_gone() {
            let left = self.config.call_deadline.saturating_sub(began.elapsed());
            if left.is_zero() {
                drop(state);
                return self.fail("its threads have not ended in time");
            }
            let waited = self.calls.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn wake_all(&self) {
        self.rows.notify_all();
        self.full.notify_all();
        self.calls.notify_all();
    }

    /// A worker's last word.
    pub(super) fn leave(&self, Seat(seat): Seat) {
        self.lock().workers[seat] = Activity::Gone;
        self.calls.notify_all();
    }

    /// The watchdog: fails the model when a call takes too long. Returns when
    /// every worker has left or was abandoned.
    pub(super) fn watch(&self) {
        let limit = self.config.call_deadline;
        let mut state = self.lock();
        while !state.all_gone() {
            let Some(since) = state.oldest_call() else {
                state.watchdog_idle = true;
                state = self
                    .calls
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = limit.saturating_sub(since.elapsed());
            if !left.is_zero() {
                let waited = self.calls.wait_timeout(state, left);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
                continue;
            }
            let overdue = state.abandon(limit);
            drop(state);
            self.calls.notify_all();
            self.fail(&format!("a call took more than {limit:?}"));
            drop(overdue);
            state = self.lock();
        }
    }
}

fn panic_text(payload: Box<dyn Any + Send>) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    format!("panic: {}", text.unwrap_or("of an unknown kind"))
}
