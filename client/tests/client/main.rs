//! The real binary, and the library, against servers that follow a script.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod admin;
mod classify;
mod completions;
mod connection;
mod failures;
mod health;
mod input;
mod interrupt;
mod json;
mod kept;
mod lines;
mod models;
mod record;
mod resume;
mod support;
mod terminal;
