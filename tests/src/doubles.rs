//! The native backend, but for rows that a test marks, with its models counted, or
//! with loads that hang.

use std::{sync::Arc, thread};

use ser_backend::{Backend, BackendError, Batch, DeviceOptions, Model, ModelInfo, ModelPackage};
use ser_backend_burn::BurnBackend;
use tokio::sync::watch;

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

/// What became of the models of a [`Counting`] backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Packages that were loaded.
    pub loads: usize,
    /// Models that exist, one for each thread and one that they are made from.
    pub alive: usize,
}

/// The native backend, counting its models.
pub struct Counting {
    inner: BurnBackend,
    census: watch::Sender<Census>,
}

impl Counting {
    /// A backend, and what it counts.
    #[must_use]
    pub fn new() -> (Self, watch::Receiver<Census>) {
        let (census, counted) = watch::channel(Census::default());
        let backend = Self {
            inner: BurnBackend::new(),
            census,
        };
        (backend, counted)
    }
}

impl Backend for Counting {
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
        self.census.send_modify(|census| census.loads += 1);
        Ok(Box::new(Counted::new(inner, self.census.clone())))
    }
}

struct Counted {
    inner: Box<dyn Model>,
    census: watch::Sender<Census>,
}

impl Counted {
    fn new(inner: Box<dyn Model>, census: watch::Sender<Census>) -> Self {
        census.send_modify(|census| census.alive += 1);
        Self { inner, census }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.census.send_modify(|census| census.alive -= 1);
    }
}

impl Model for Counted {
    fn info(&self) -> &ModelInfo {
        self.inner.info()
    }

    fn infer(&mut self, batch: &mut Batch) -> Result<(), BackendError> {
        self.inner.infer(batch)
    }

    fn instance(&self) -> Result<Box<dyn Model>, BackendError> {
        let inner = self.inner.instance()?;
        Ok(Box::new(Self::new(inner, self.census.clone())))
    }
}

/// The native backend, but version `hangs` of a package never loads.
#[derive(Debug)]
pub struct Hanging(BurnBackend);

impl Hanging {
    /// The version that never loads.
    pub const VERSION: &str = "hangs";

    /// A backend.
    #[must_use]
    pub fn new() -> Self {
        Self(BurnBackend::new())
    }
}

impl Default for Hanging {
    fn default() -> Self {
        Self::new()
    }
}

impl Backend for Hanging {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn probe(&self) -> Result<(), BackendError> {
        self.0.probe()
    }

    fn load(
        &self,
        package: &ModelPackage,
        options: &DeviceOptions,
    ) -> Result<Box<dyn Model>, BackendError> {
        if package.manifest.version == Self::VERSION {
            loop {
                thread::park();
            }
        }
        self.0.load(package, options)
    }
}
