//! What the fuzz targets share: seeds, a small server to feed, and a client that checks
//! what it hears.

pub mod client;
pub mod clock;
pub mod double;
pub mod models;
pub mod requests;
pub mod said;
pub mod seeds;
pub mod server;
pub mod sound;
