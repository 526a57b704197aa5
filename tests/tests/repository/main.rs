//! Models are replaced while streams run, and only by what has proved itself.

mod lifetime;
mod operators;
mod refusals;
mod reload;
mod support;
