//! What the server shows of itself, as a collector, Prometheus and operators see it.

mod log_level;
mod otlp;
mod prometheus;
