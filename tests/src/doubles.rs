//! Backends that misbehave: the native backend, but for rows that a test marks.

use std::{sync::Arc, thread};

use ser_backend::{Backend, BackendError, Batch, DeviceOptions, Model, ModelInfo, ModelPackage};
use ser_backend_burn::BurnBackend;

/// What a call does that holds a certain row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Returns an error.
    Fail,
    /// Writes NaN into that row.
    NotANumber,
    /// Panics.
    Panic,
    /// Never returns.
    Hang,
}

/// Says what goes wrong with a row of features.
pub type Marks = dyn Fn(&[f32]) -> Option<Fault> + Send + Sync;

/// The native backend with faults.
pub struct Misbehaving {
    inner: BurnBackend,
    marks: Arc<Marks>,
}

impl Misbehaving {
    /// A backend that goes wrong where `marks` says so.
    pub fn new(marks: impl Fn(&[f32]) -> Option<Fault> + Send + Sync + 'static) -> Self {
        Self {
            inner: BurnBackend::new(),
            marks: Arc::new(marks),
        }
    }
}

impl Backend for Misbehaving {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn probe(&self) -> Result<(), BackendError> {
        self.inner.probe()
    }

    fn load(
        &self,
        package: &ModelPackage,
        options: &DeviceOptions,
    ) -> Result<Box<dyn Model>, BackendError> {
        let inner = self.inner.load(package, options)?;
        Ok(Box::new(MisbehavingModel {
            inner,
            marks: Arc::clone(&self.marks),
        }))
    }
}

struct MisbehavingModel {
    inner: Box<dyn Model>,
    marks: Arc<Marks>,
}

impl Model for MisbehavingModel {
    fn info(&self) -> &ModelInfo {
        self.inner.info()
    }

    fn infer(&mut self, batch: &mut Batch) -> Result<(), BackendError> {
        let width = batch.shape().features();
        let classes = batch.shape().classes;
        let rows = batch.len();
        let (inputs, _) = batch.split().expect("a batch with rows");
        let faults: Vec<_> = inputs.features[..rows * width]
            .chunks_exact(width)
            .map(|row| (self.marks)(row))
            .collect();
        self.inner.infer(batch)?;
        for (row, fault) in faults.into_iter().enumerate() {
            match fault {
                None => {}
                Some(Fault::Fail) => {
                    return Err(BackendError::Inference("a row that fails".to_owned()));
                }
                Some(Fault::NotANumber) => {
                    let (_, outputs) = batch.split().expect("a batch with rows");
                    outputs.posteriors[row * classes..][..classes].fill(f32::NAN);
                }
                Some(Fault::Panic) => panic!("a row that panics"),
                Some(Fault::Hang) => loop {
                    thread::park();
                },
            }
        }
        Ok(())
    }

    fn instance(&self) -> Result<Box<dyn Model>, BackendError> {
        let inner = self.inner.instance()?;
        Ok(Box::new(Self {
            inner,
            marks: Arc::clone(&self.marks),
        }))
    }
}
