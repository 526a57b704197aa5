//! Sample-rate conversion by a polyphase windowed sinc.
//!
//! Output sample n is the input at time `n · input / output`, convolved with one
//! low-pass filter: a pure function of a bounded neighbourhood, found by integer
//! arithmetic, so it can't depend on how the input was cut. `tables` holds the
//! filter, shared by all streams of a rate pair; `stream` applies it.

mod stream;
mod tables;

#[cfg(test)]
mod tests;

pub use stream::Resampler;
pub use tables::ResamplerTables;
