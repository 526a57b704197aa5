//! The two traits of the plugin layer.

use serde::de::DeserializeOwned;
use toml::Table;

use crate::{BackendError, Batch, ModelPackage, RowShape};

/// Something that can run models: a tensor library on a device.
pub trait Backend: Send + Sync {
    /// The name that configuration and `GetModel` use, for instance `burn`.
    fn name(&self) -> &str;

    /// Whether this backend works on this machine.
    ///
    /// # Errors
    ///
    /// [`BackendError::Unavailable`] says why it doesn't.
    fn probe(&self) -> Result<(), BackendError>;

    /// The execution providers that this backend knows, and which of them work on
    /// this machine with these settings. A backend that doesn't say has `cpu`.
    ///
    /// # Errors
    ///
    /// Those of [`probe`](Self::probe), and wrong settings.
    fn providers(&self, _settings: &Table) -> Result<Vec<ProviderStatus>, BackendError> {
        self.probe()?;
        Ok(vec![ProviderStatus {
            name: "cpu".to_owned(),
            problem: None,
        }])
    }

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

/// An execution provider of a backend, on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderStatus {
    /// Its strict name.
    pub name: String,
    /// Why it doesn't work here, if it doesn't.
    pub problem: Option<String>,
}

/// Where and how a model is to run.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceOptions {
    /// Execution providers by their strict names, the preferred one first. A
    /// graph may be split among them, but nothing falls back silently: that takes
    /// a name that says so, for instance `cuda-or-cpu`.
    pub execution_providers: Vec<String>,
    /// The backend's own settings, which it reads with
    /// [`settings`](Self::settings).
    pub settings: Table,
}

/// Joins the names of execution providers where the later ones may stand in for the
/// earlier.
const OR: &str = "-or-";

impl DeviceOptions {
    /// Whether a model may run on this execution provider: it is asked for, or may stand
    /// in for one that is.
    #[must_use]
    pub fn allows(&self, execution_provider: &str) -> bool {
        let names = self.execution_providers.iter();
        let mut names = names.flat_map(|name| name.split(OR));
        names.any(|name| name == execution_provider)
    }

    /// The backend's own settings as its type, which refuses unknown keys.
    ///
    /// # Errors
    ///
    /// [`BackendError::Settings`] names the key, its value and what was expected.
    pub fn settings<T: DeserializeOwned>(&self, backend: &str) -> Result<T, BackendError> {
        T::deserialize(self.settings.clone()).map_err(|error| BackendError::Settings {
            backend: backend.to_owned(),
            reason: error.to_string().trim_end().to_owned(),
        })
    }
}

impl Default for DeviceOptions {
    fn default() -> Self {
        Self {
            execution_providers: vec!["cpu".to_owned()],
            settings: Table::new(),
        }
    }
}

/// What a [`Model`] says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelInfo {
    /// [`Backend::name`] of the backend that loaded it.
    pub backend: String,
    /// The execution provider that really runs it; several, joined by `", "`,
    /// where nodes are split among them.
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
