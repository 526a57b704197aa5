//! Packages as anybody might write them.

use std::sync::Arc;

use proptest::prelude::*;
use ser_features::{
    FeatureKind, FrontEndParams, FrontEndPlan, MelNorm, MelScale, Reduction, ShortWindow,
    WindowParams, WindowRequest,
};

use super::{rate, seed};

/// Front ends and windows of any valid package, of few samples, so that many
/// windows fit into a short signal.
pub(crate) fn packages() -> impl Strategy<Value = (FrontEndParams, WindowParams)> {
    let front_end = (
        prop::sample::select(vec![8_000_u32, 16_000, 22_050]),
        32..=256_usize,
        0.02..=1.0_f64,
        1..=40_usize,
        (0.0..0.9_f64, 0.01..=1.0_f64),
        (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>()),
        prop::option::of(1.0..100.0_f32),
    );
    let windows = (1..=12_usize, 1..=12_usize, 1..=12_usize, any::<bool>());
    (front_end, windows).prop_map(|(front_end, windows)| {
        let (sample_rate, reach, part, n_mels, (low, high), flags, top_db) = front_end;
        let (slaney, norm, mfcc, mean) = flags;
        let nyquist = f64::from(sample_rate) / 2.0;
        let f_min = low * nyquist;
        let params = FrontEndParams {
            sample_rate,
            n_fft: 2 * reach,
            hop_length: ((part * reach as f64) as usize).max(1),
            n_mels,
            f_min,
            f_max: (f_min + high * (nyquist - f_min)).min(nyquist),
            mel_scale: if slaney {
                MelScale::Slaney
            } else {
                MelScale::Htk
            },
            mel_norm: if norm { MelNorm::Slaney } else { MelNorm::None },
            top_db,
            features: if mfcc {
                FeatureKind::Mfcc
            } else {
                FeatureKind::LogMel
            },
            n_mfcc: mfcc.then_some(n_mels.div_ceil(2)),
            reduce: if mean {
                Reduction::Mean
            } else {
                Reduction::None
            },
            ..seed().0
        };
        let (shortest_window, shortest_hop, room, wait) = windows;
        let window = shortest_window + shortest_hop + room;
        let windows = WindowParams {
            window,
            hop: shortest_hop + room / 2,
            shortest_window,
            longest_window: window,
            shortest_hop,
            short: match (wait, mean) {
                (true, _) => ShortWindow::Wait,
                (false, true) => ShortWindow::Reduce,
                (false, false) => ShortWindow::PadLeft,
            },
        };
        (params, windows)
    })
}

/// The windows of such a package, and rows of `steps` of its frames.
pub(crate) fn plans(
    front_end: &FrontEndParams,
    windows: &WindowParams,
    hz: u32,
    steps: usize,
) -> [Arc<FrontEndPlan>; 2] {
    let request = WindowRequest::default();
    let frames = FrontEndParams {
        top_db: None,
        reduce: Reduction::None,
        ..front_end.clone()
    };
    [
        FrontEndPlan::windowed(front_end, windows, request, rate(hz)).unwrap(),
        FrontEndPlan::recurrent(&frames, steps, rate(hz)).unwrap(),
    ]
}
