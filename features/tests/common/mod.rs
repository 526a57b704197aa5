//! What the tests of the front end share.
#![allow(dead_code, reason = "every test takes what it needs")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

pub(crate) mod packages;
pub(crate) mod signals;

use std::{sync::Arc, time::Duration};

use ser_features::{
    FeatureKind, FrontEnd, FrontEndParams, FrontEndPlan, MelNorm, MelScale, Reduction, SampleRate,
    Segment, ShortWindow, Trigger, WindowFunction, WindowParams, WindowRequest,
};

/// A [`Segment`] that outlives its row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Kept {
    pub(crate) index: u64,
    pub(crate) start: Duration,
    pub(crate) end: Duration,
    pub(crate) new_start: Duration,
    pub(crate) end_sample: u64,
    pub(crate) features: Vec<f32>,
    pub(crate) valid_steps: usize,
    pub(crate) speech: bool,
    pub(crate) trigger: Trigger,
}

impl From<Segment<'_>> for Kept {
    fn from(segment: Segment<'_>) -> Self {
        Self {
            index: segment.index,
            start: segment.start,
            end: segment.end,
            new_start: segment.new_start,
            end_sample: segment.end_sample,
            features: segment.features.to_vec(),
            valid_steps: segment.valid_steps,
            speech: segment.speech,
            trigger: segment.trigger,
        }
    }
}

/// The segments of a whole stream that comes in these pieces.
pub(crate) fn stream<'a>(
    plan: &Arc<FrontEndPlan>,
    pieces: impl IntoIterator<Item = &'a [f32]>,
) -> Vec<Kept> {
    let mut front_end = FrontEnd::new(plan.clone());
    let mut kept = Vec::new();
    for piece in pieces {
        front_end.push(piece, &mut |segment| kept.push(segment.into()));
    }
    front_end.finish(&mut |segment| kept.push(segment.into()));
    kept
}

/// Cuts `samples` into pieces of these lengths, over and over.
pub(crate) fn pieces<'a>(
    mut samples: &'a [f32],
    lengths: &'a [usize],
) -> impl Iterator<Item = &'a [f32]> {
    let mut lengths = lengths.iter().cycle();
    std::iter::from_fn(move || {
        let count = (*lengths.next()?).min(samples.len());
        let (piece, rest) = samples.split_at(count);
        samples = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

/// Like `==`, but tells apart what only bits do.
pub(crate) fn same_bits(a: &[Kept], b: &[Kept]) -> bool {
    let bits = |kept: &[Kept]| -> Vec<u32> {
        kept.iter()
            .flat_map(|k| &k.features)
            .map(|x| x.to_bits())
            .collect()
    };
    a == b && bits(a) == bits(b)
}

/// An environment variable without a default, as tests that are ignored by
/// default need it.
pub(crate) fn variable(name: &str, what: &str) -> std::ffi::OsString {
    std::env::var_os(name).unwrap_or_else(|| panic!("{name} is not set; expected {what}"))
}

pub(crate) fn rate(hz: u32) -> SampleRate {
    SampleRate::new(hz).unwrap()
}

/// The front end and windows of the seed model.
pub(crate) fn seed() -> (FrontEndParams, WindowParams) {
    let front_end = FrontEndParams {
        sample_rate: 22_050,
        n_fft: 2048,
        hop_length: 512,
        window: WindowFunction::Hann,
        n_mels: 128,
        f_min: 0.0,
        f_max: 11_025.0,
        mel_scale: MelScale::Slaney,
        mel_norm: MelNorm::Slaney,
        amin: 1e-10,
        top_db: Some(80.0),
        features: FeatureKind::Mfcc,
        n_mfcc: Some(40),
        reduce: Reduction::Mean,
    };
    let windows = WindowParams {
        window: 129,
        hop: 22,
        shortest_window: 43,
        longest_window: 430,
        shortest_hop: 5,
        short: ShortWindow::Reduce,
    };
    (front_end, windows)
}

/// The windows of the seed model.
pub(crate) fn seed_plan(hz: u32) -> Arc<FrontEndPlan> {
    let (front_end, windows) = seed();
    FrontEndPlan::windowed(&front_end, &windows, WindowRequest::default(), rate(hz)).unwrap()
}

/// Windows of these lengths, in milliseconds, of the seed model, or of a small one whose
/// hops don't divide a frame's reach.
pub(crate) fn requested_plan(hz: u32, small: bool, window: u64, hop: u64) -> Arc<FrontEndPlan> {
    let (mut front_end, windows) = seed();
    if small {
        (front_end.n_fft, front_end.hop_length) = (1000, 350);
        (front_end.n_mels, front_end.features, front_end.n_mfcc) = (24, FeatureKind::LogMel, None);
    }
    let request = WindowRequest {
        window: Some(Duration::from_millis(window)),
        hop: Some(Duration::from_millis(hop)),
    };
    FrontEndPlan::windowed(&front_end, &windows, request, rate(hz)).unwrap()
}

/// Rows of `steps` frames of the seed model's front end.
pub(crate) fn recurrent_plan(hz: u32, steps: usize) -> Arc<FrontEndPlan> {
    let (mut front_end, _) = seed();
    front_end.top_db = None;
    front_end.reduce = Reduction::None;
    FrontEndPlan::recurrent(&front_end, steps, rate(hz)).unwrap()
}
