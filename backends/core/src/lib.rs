//! The contract between the server and whatever runs a model.
//!
//! A [`Backend`] loads a [`ModelPackage`] and returns a [`Model`], which turns a
//! [`Batch`] of feature rows into posteriors. A backend sees rows of numbers and
//! knows nothing of audio, gRPC or streams.

mod backend;
mod batch;
#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
pub mod golden;
mod package;
mod processor;

pub use backend::{Backend, DeviceOptions, Model, ModelInfo, ProviderStatus};
pub use batch::{BUCKETS, Batch, Inputs, MAX_ROWS, Outputs, Row, RowShape, bucket_for};
pub use error::BackendError;
pub use package::{
    DecisionSpec, FORMAT, Golden, GoldenAudio, GoldenAudioError, GoldenRow, InputSpec, Manifest,
    ModelPackage, PackageError, Precision,
};
pub use processor::instruction_sets;
