//! What a checkpoint says of one lane, and what of that can be true.

use std::time::Duration;

use prost::Message;

use super::Memory;
use crate::{
    decision::{Smoothed, Totals},
    session::lane::Lane,
};

/// How far sums of probabilities may be off.
const ROUNDING: f64 = 1e-3;

/// How a [`Memory`] is written: times in nanoseconds.
#[derive(Clone, PartialEq, Message)]
pub(super) struct LaneMemory {
    #[prost(bool, tag = "1")]
    pub(super) clipping_told: bool,
    #[prost(double, repeated, tag = "2")]
    pub(super) smoothed: Vec<f64>,
    #[prost(uint64, tag = "3")]
    pub(super) silence: u64,
    #[prost(uint64, tag = "4")]
    pub(super) results: u64,
    #[prost(uint64, tag = "5")]
    pub(super) no_speech: u64,
    #[prost(uint64, tag = "6")]
    pub(super) uncertain: u64,
    #[prost(uint64, repeated, tag = "7")]
    pub(super) time_per_label: Vec<u64>,
    #[prost(double, repeated, tag = "8")]
    pub(super) weighted: Vec<f64>,
    #[prost(uint64, optional, tag = "9")]
    pub(super) last_label: Option<u64>,
    #[prost(float, repeated, tag = "10")]
    pub(super) state: Vec<f32>,
}

/// What holds of a lane where its stream is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) labels: usize,
    /// Values of the model's state.
    pub(super) state: usize,
    pub(super) smooths: bool,
    /// Results of the lane.
    pub(super) rows: u64,
    /// Where the last result of the stream ended.
    pub(super) end: Duration,
}

impl LaneMemory {
    /// The longest of a model.
    pub(super) fn longest(labels: usize, state: usize) -> Self {
        Self {
            clipping_told: true,
            smoothed: vec![1.0; labels],
            silence: u64::MAX,
            results: u64::MAX,
            no_speech: u64::MAX,
            uncertain: u64::MAX,
            time_per_label: vec![u64::MAX; labels],
            weighted: vec![1.0; labels],
            last_label: Some(u64::MAX),
            state: vec![1.0; state],
        }
    }

    pub(super) fn of(lane: &Lane) -> Self {
        let smoothed = lane.decider.smoothed();
        let totals = lane.summary.totals();
        Self {
            clipping_told: lane.clipping_told,
            smoothed: smoothed.map_or_else(Vec::new, |smoothed| smoothed.posteriors.clone()),
            silence: smoothed.map_or(0, |smoothed| nanos(smoothed.silence)),
            results: totals.results,
            no_speech: nanos(totals.no_speech),
            uncertain: nanos(totals.uncertain),
            time_per_label: totals.time_per_label.iter().copied().map(nanos).collect(),
            weighted: totals.weighted.clone(),
            last_label: totals.last_label.map(|label| label as u64),
            state: lane.state.clone(),
        }
    }

    /// What it says, if it can be true.
    pub(super) fn check(self, limits: Limits) -> Option<Memory> {
        let possible =
            self.state.len() == limits.state && self.state.iter().all(|value| value.is_finite());
        Some(Memory {
            clipping_told: self.clipping_told,
            smoothed: self.check_smoothed(limits)?,
            totals: self.check_totals(limits)?,
            state: possible.then_some(self.state)?,
        })
    }

    /// `None` within if the stream doesn't smooth.
    fn check_smoothed(&self, limits: Limits) -> Option<Option<Smoothed>> {
        let (posteriors, silence) = (&self.smoothed, Duration::from_nanos(self.silence));
        if !limits.smooths {
            return (posteriors.is_empty() && silence.is_zero()).then_some(None);
        }
        let adds_up = posteriors.len() == limits.labels
            && posteriors
                .iter()
                .all(|posterior| (0.0..=1.0).contains(posterior))
            && (posteriors.iter().sum::<f64>() - 1.0).abs() <= ROUNDING;
        let fits = (posteriors.is_empty() || adds_up) && silence <= limits.end;
        fits.then(|| {
            Some(Smoothed {
                posteriors: posteriors.clone(),
                silence,
            })
        })
    }

    /// Less than all of the audio is there where totals began anew.
    fn check_totals(&self, limits: Limits) -> Option<Totals> {
        if self.time_per_label.len() != limits.labels || self.weighted.len() != limits.labels {
            return None;
        }
        let times = self.time_per_label.iter().copied();
        let totals = Totals {
            results: self.results,
            no_speech: Duration::from_nanos(self.no_speech),
            uncertain: Duration::from_nanos(self.uncertain),
            time_per_label: times.map(Duration::from_nanos).collect(),
            weighted: self.weighted.clone(),
            last_label: self.last_label.map(usize::try_from).transpose().ok()?,
        };
        let classified = totals.classified();
        let seconds = classified.as_secs_f64();
        let weighs = |sum: f64| sum >= 0.0 && sum <= seconds * (1.0 + ROUNDING);
        let fits = totals.results <= limits.rows
            && classified + totals.no_speech <= limits.end
            && totals.uncertain <= classified
            && totals
                .last_label
                .map_or(classified.is_zero(), |label| label < limits.labels)
            && totals.weighted.iter().all(|&sum| weighs(sum))
            && (totals.weighted.iter().sum::<f64>() - seconds).abs() <= seconds * ROUNDING;
        fits.then_some(totals)
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).expect("a stream lasts less than 584 years")
}
