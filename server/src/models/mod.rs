//! The models that are served: found, loaded, checked against their own golden
//! rows and audio, looked up by name, and replaced while streams run.

mod backends;
mod directory;
#[cfg(feature = "embedded-model")]
mod embedded;
mod examine;
mod find;
mod load;
mod loads;
mod plans;
mod registry;
mod replay;
mod repository;
mod selector;
mod served;
mod status;

#[cfg(test)]
mod tests;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use backends::BackendRegistry;
pub use examine::{Examination, examine};
pub use loads::MAX_ABANDONED;
pub use registry::ModelRegistry;
pub use repository::Repository;
pub use served::{ModelInUse, ServedModel};
pub use status::{ModelState, ModelStatus};

/// Loads a package on a backend, as it is before it serves.
///
/// # Errors
///
/// Why it can't be served.
#[cfg(feature = "fuzzing")]
pub(crate) fn prove(
    package: &ser_backend::ModelPackage,
    backend: &dyn ser_backend::Backend,
) -> Result<(), crate::Error> {
    served::Proved::new(package, backend, &ser_backend::DeviceOptions::default()).map(drop)
}

/// Nothing panics while such a lock is held.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
