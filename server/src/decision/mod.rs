//! From posteriors to what a result says: calibrate, smooth, abstain, sum up.
//!
//! One [`Decider`] and one [`SummaryBuilder`] belong to each classified channel.

mod decider;
mod summary;

pub use decider::{Classification, Decider, Decision, Smoothed};
pub use summary::{Summary, SummaryBuilder, Totals};

#[cfg(test)]
mod tests;

/// The index of the largest value; of equals, the first.
pub(crate) fn likeliest(posteriors: &[f32]) -> usize {
    let mut best = 0;
    for (index, &posterior) in posteriors.iter().enumerate() {
        if posterior > posteriors[best] {
            best = index;
        }
    }
    best
}
