//! Sample-rate conversion by a polyphase windowed sinc.
//!
//! Output sample n is the input at time `n · input / output`, convolved with one
//! low-pass filter: a pure function of a bounded neighbourhood, found by integer
//! arithmetic, so it can't depend on how the input was cut.
//!
//! ```text
//! filter ─► periodic, interpolated ─► tables ─► stream
//! ```
//!
//! `filter` is the windowed sinc, and `ratio` says where outputs lie. `periodic`
//! stores the coefficients of every phase, `interpolated` of some where there are
//! too many; either knows how to apply them. `tables` are what all streams of a
//! rate pair share; `stream` is one of these streams.

mod filter;
mod interpolated;
mod periodic;
mod ratio;
mod stream;
mod tables;

#[cfg(test)]
mod tests;

pub use stream::Resampler;
pub use tables::ResamplerTables;
