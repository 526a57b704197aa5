//! A model that misbehaves on demand, and a gate to hold it up at.

use std::{
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use ser_backend::{BackendError, Batch, Model, ModelInfo, RowShape};

pub(super) const SHAPE: RowShape = RowShape {
    steps: 1,
    width: 2,
    state: 1,
    classes: 2,
};

/// The first features of the rows of every call, by which rows are told from one
/// another.
pub(super) type Calls = Arc<Mutex<Vec<Vec<f32>>>>;

type Before = dyn Fn(&[f32]) -> Result<(), BackendError> + Send + Sync;
type After = dyn Fn(&mut [f32]) + Send + Sync;

/// What a model does with the rows of a call, before and after it answers them.
pub(super) struct Script {
    /// Sees the first features of the rows; may fail, block or panic.
    pub(super) before: Box<Before>,
    /// Sees the posteriors, `[bucket, classes]`, and may change them.
    pub(super) after: Box<After>,
}

/// A model whose posteriors are the features and whose next state is the state
/// plus one, unless its script has it otherwise.
#[derive(Clone)]
pub(super) struct Echo {
    info: ModelInfo,
    script: Arc<Script>,
    pub(super) calls: Calls,
    /// Instances ever made of it.
    pub(super) instances: Arc<AtomicUsize>,
}

impl Echo {
    pub(super) fn new(script: Script) -> Self {
        let info = ModelInfo {
            backend: "echo".to_owned(),
            execution_provider: "cpu".to_owned(),
            numerics: "echo".to_owned(),
            shape: SHAPE,
            batch_invariant: true,
        };
        Self {
            info,
            script: Arc::new(script),
            calls: Calls::default(),
            instances: Arc::default(),
        }
    }
}

impl Model for Echo {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn infer(&mut self, batch: &mut Batch) -> Result<(), BackendError> {
        let rows = batch.len();
        let (inputs, outputs) = batch.split().expect("never called without rows");
        let marks: Vec<f32> = inputs
            .features
            .chunks(SHAPE.width)
            .take(rows)
            .map(|row| row[0])
            .collect();
        self.calls.lock().unwrap().push(marks.clone());
        (self.script.before)(&marks)?;
        outputs.posteriors.copy_from_slice(inputs.features);
        for (next, state) in outputs.next_state.iter_mut().zip(inputs.state) {
            *next = state + 1.0;
        }
        (self.script.after)(outputs.posteriors);
        Ok(())
    }

    fn instance(&self) -> Result<Box<dyn Model>, BackendError> {
        self.instances.fetch_add(1, Ordering::Relaxed);
        Ok(Box::new(self.clone()))
    }
}

/// Holds up whoever comes, until it is opened.
#[derive(Debug, Default)]
pub(super) struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct GateState {
    arrived: usize,
    open: bool,
}

impl Gate {
    /// Blocks until the gate is open.
    pub(super) fn pass(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.arrived += 1;
        self.changed.notify_all();
        drop(self.changed.wait_while(state, |state| !state.open));
    }

    /// Blocks until `count` have come to the gate since it was made; panics when
    /// they haven't within a minute.
    pub(super) fn wait_for(&self, count: usize) {
        let limit = Duration::from_secs(60);
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .changed
            .wait_timeout_while(state, limit, |state| state.arrived < count);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(
            state.arrived >= count,
            "{} of {count} came to the gate",
            state.arrived
        );
    }

    /// Lets everybody pass from now on.
    pub(super) fn open(&self) {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .open = true;
        self.changed.notify_all();
    }
}
