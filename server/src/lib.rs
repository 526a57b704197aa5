//! The speech emotion recognition server: audio arrives in chunks over a gRPC
//! stream, emotions leave with their times while the person is still speaking.
//!
//! The modules follow the route of one chunk: `services` receive it, `session`
//! turns it into rows of features, [`batcher`] gathers the rows of
//! all streams for [`models`], and [`decision`] turns posteriors into verdicts.

pub mod admission;
pub mod auth;
pub mod batcher;
mod body;
pub mod cli;
pub mod config;
mod context;
pub mod decision;
mod error;
#[cfg(test)]
mod fixture;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
pub mod inventory;
#[cfg(test)]
mod lines;
mod listen;
pub mod models;
mod open_files;
pub mod preflight;
#[cfg(test)]
mod promises;
mod reload;
pub mod serve;
mod services;
mod session;
pub mod shutdown;
pub mod telemetry;
mod threads;
mod transport;

pub use error::Error;
