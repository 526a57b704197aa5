//! Trains, measures and exports the emotion models that the server serves.
//!
//! The route of the data: [`corpus`] reads how a corpus names its files,
//! [`dataset`] turns the files into rows of features, [`split`] decides who is
//! trained on and who is tested on, [`fit`] trains a [`model`] by a [`recipe`],
//! [`evaluate`] measures it, and [`export`] writes the package. [`import`] makes a
//! package of a model that another framework trained.

pub mod cli;
mod commands;
pub mod corpus;
pub mod dataset;
mod error;
pub mod evaluate;
pub mod export;
pub mod fit;
pub mod import;
pub mod model;
mod random;
pub mod recipe;
pub mod split;

pub use commands::run;
pub use error::{TrainError, UnusableFile};
