//! The two traits of the plugin layer.

use crate::{BackendError, Batch, ModelPackage, RowShape};

/// Something that can run models: a tensor library on a device.
pub trait Backend: Send + Sync {
    /// The name that configuration and `GetModel` use, for instance `burn`.
    fn name(&self) -> &'static str;

    /// Whether this backend works on this machine.
    ///
    /// # Errors
    ///
    /// [`BackendError::Unavailable`] says why it doesn't.
    fn probe(&self) -> Result<(), BackendError>;

    /// Loads a package and replays its golden rows.
    ///
    /// # Errors
    ///
    /// When the device is not to be had, the graph holds a node that this
    /// backend doesn't support, or a golden row comes out wrong.
    fn load(
        &self,
        package: &ModelPackage,
        options: &DeviceOptions,
    ) -> Result<Box<dyn Model>, BackendError>;
}

/// A loaded model. One OS thread owns one `Model`.
pub trait Model: Send {
    /// What was loaded, and how it runs.
    fn info(&self) -> &ModelInfo;

    /// Computes the outputs, and for recurrent models the next state, of every
    /// row of `batch`.
    ///
    /// # Errors
    ///
    /// [`BackendError::Inference`]; the outputs are then unspecified.
    fn infer(&mut self, batch: &mut Batch) -> Result<(), BackendError>;

    /// Another instance for another thread, sharing the weights.
    ///
    /// # Errors
    ///
    /// When the device has no room for another instance.
    fn instance(&self) -> Result<Box<dyn Model>, BackendError>;
}

/// Where a model is to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceOptions {
    /// The execution provider by its strict name; nothing falls back silently.
    pub execution_provider: String,
}

impl Default for DeviceOptions {
    fn default() -> Self {
        Self {
            execution_provider: "cpu".to_owned(),
        }
    }
}

/// What a [`Model`] says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelInfo {
    /// [`Backend::name`] of the backend that loaded it.
    pub backend: &'static str,
    /// The execution provider that really runs it.
    pub execution_provider: String,
    /// Names everything that the bits of outputs depend on besides the inputs
    /// and the package: library versions, instruction set.
    pub numerics: String,
    /// The shape of one row.
    pub shape: RowShape,
    /// Promises that a row's bits are the same in every bucket, position and
    /// company. Without the promise they agree within 1e-5.
    pub batch_invariant: bool,
}
