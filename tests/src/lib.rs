//! What whole-system tests share: a real server on a free port, a raw stream
//! that sends whatever a test wants, audio that needs no corpus, a microphone that
//! needs no hardware, certificates, and backends that misbehave.

#![allow(
    clippy::unwrap_used,
    reason = "test code: a failure here fails the test"
)]

pub mod audio;
pub mod binaries;
pub mod collector;
pub mod doubles;
pub mod evaluation;
pub mod memory;
pub mod null_server;
pub mod pki;
pub mod scrape;
pub mod server;
pub mod sound;
pub mod stream;

pub use ser_test_program as program;
