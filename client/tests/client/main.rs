//! The real binary against a server that follows a script.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod admin;
mod failures;
mod health;
mod input;
mod interrupt;
mod json;
mod lines;
mod models;
mod support;
mod terminal;
