//! A model in a library.

use std::sync::{Arc, Mutex, TryLockError};

use ser_backend::{BackendError, Batch, MAX_ROWS, Model, ModelInfo};

use crate::{
    Deadlines,
    border::{Arrays, Handle},
    deadline::Caller,
};

/// A loaded model. The handle is shared with the thread of a call to `instance`,
/// which may be late: then nobody else calls the model, and that thread unloads it.
pub(crate) struct PluginModel {
    info: ModelInfo,
    /// `None` only while it is dropped.
    handle: Option<Arc<Mutex<Handle>>>,
    valid_steps: Vec<i32>,
    deadlines: Deadlines,
    caller: Arc<Caller>,
}

impl PluginModel {
    pub(crate) fn new(
        info: ModelInfo,
        handle: Handle,
        deadlines: Deadlines,
        caller: Arc<Caller>,
    ) -> Self {
        Self {
            info,
            handle: Some(Arc::new(Mutex::new(handle))),
            valid_steps: Vec::with_capacity(MAX_ROWS),
            deadlines,
            caller,
        }
    }

    fn handle(&self) -> &Arc<Mutex<Handle>> {
        let handle = self.handle.as_ref();
        handle.expect("taken by the destructor alone")
    }

    fn failed(&self, reason: impl std::fmt::Display) -> BackendError {
        BackendError::Inference(format!("plugin {}: {reason}", self.info.backend))
    }
}

impl Model for PluginModel {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn infer(&mut self, batch: &mut Batch) -> Result<(), BackendError> {
        batch.expect_shape(self.info.shape)?;
        let Some((inputs, outputs)) = batch.split() else {
            return Ok(());
        };
        self.valid_steps.clear();
        if self.info.shape.state > 0 {
            for steps in inputs.valid_steps {
                let steps = i32::try_from(*steps).map_err(|error| self.failed(error))?;
                self.valid_steps.push(steps);
            }
        }
        let mut arrays = Arrays {
            rows: inputs.bucket,
            features: inputs.features,
            state: inputs.state,
            valid_steps: &self.valid_steps,
            posteriors: outputs.posteriors,
            next_state: outputs.next_state,
        };
        let result = match self.handle().try_lock() {
            Ok(mut handle) => handle.infer(&mut arrays).map_err(|error| error.message),
            Err(taken) => Err(why(&taken).to_owned()),
        };
        result.map_err(|reason| self.failed(reason))
    }

    fn instance(&self) -> Result<Box<dyn Model>, BackendError> {
        let handle = Arc::clone(self.handle());
        let made = self
            .caller
            .call("instance", self.deadlines.instance, move || {
                match handle.try_lock() {
                    Ok(handle) => handle.instance().map_err(|error| error.message),
                    Err(taken) => Err(why(&taken).to_owned()),
                }
            });
        match made {
            Ok(Ok(handle)) => Ok(Box::new(Self::new(
                self.info.clone(),
                handle,
                self.deadlines,
                Arc::clone(&self.caller),
            ))),
            Ok(Err(reason)) => Err(self.failed(reason)),
            Err(no_result) => Err(self.failed(no_result)),
        }
    }
}

impl Drop for PluginModel {
    /// Unloads the model, and gives up on that when it takes too long. The thread of
    /// a late `instance` does it itself.
    fn drop(&mut self) {
        if let Some(handle) = self.handle.take().and_then(Arc::into_inner) {
            let unload = move || drop(handle);
            // A late one is told to whoever asks for the next model.
            let _ = self.caller.end("unload", self.deadlines.unload, unload);
        }
    }
}

/// Why nobody may call the model now.
fn why<T>(taken: &TryLockError<T>) -> &'static str {
    match taken {
        TryLockError::WouldBlock => "a call of instance has not returned",
        TryLockError::Poisoned(_) => "an earlier call panicked",
    }
}

#[cfg(test)]
mod tests {
    use std::{panic, sync::Mutex};

    use super::why;

    #[test]
    fn a_call_that_panicked_is_no_call_that_has_not_returned() {
        let handle = Mutex::new(());
        let held = handle.lock().unwrap();
        let taken = handle.try_lock().unwrap_err();
        assert_eq!(why(&taken), "a call of instance has not returned");
        drop(taken);
        drop(held);
        let call = panic::AssertUnwindSafe(|| {
            let _held = handle.lock().unwrap();
            panic!("on purpose");
        });
        assert!(panic::catch_unwind(call).is_err());
        assert_eq!(
            why(&handle.try_lock().unwrap_err()),
            "an earlier call panicked"
        );
    }
}
