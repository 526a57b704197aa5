//! Models are replaced while streams run, and only by what has proved itself.

#![allow(
    clippy::unwrap_used,
    reason = "test code: a failure here fails the test"
)]

mod lifetime;
mod operators;
mod refusals;
mod reload;
mod support;
