//! What the server shows of itself, as a collector, Prometheus and operators see it.

#![allow(
    clippy::unwrap_used,
    reason = "test code: a failure here fails the test"
)]

mod log_level;
mod otlp;
mod prometheus;
