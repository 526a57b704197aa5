//! When windows start and end: the `[windows]` table of `model.toml`, what a
//! client asks for, and the schedule that follows from both.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::params::MAX_STEPS;
use crate::{FeatureError, FrontEndParams, Reduction};

/// The windows of a model, as `model.toml` declares them, in frames of
/// `hop_length` samples.
///
/// A window of `n` frames spans `n × hop_length` samples and holds `n + 1`
/// centred frames.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct WindowParams {
    /// The default window: `shortest_window` to `longest_window`.
    pub window: usize,
    /// The default hop: `shortest_hop` to `window` less `shortest_window`.
    pub hop: usize,
    /// Audio that the first result needs, and the shortest window that a client
    /// may ask for: from 1.
    pub shortest_window: usize,
    /// The longest window that a client may ask for: up to 8,192.
    pub longest_window: usize,
    /// The shortest hop that a client may ask for: from 1.
    pub shortest_hop: usize,
    /// How less than a full window becomes a row.
    pub short: ShortWindow,
}

/// How less than a full window becomes a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShortWindow {
    /// The mean over its frames has the row's shape whatever their number: with
    /// `reduce = "mean"`, and only there.
    Reduce,
    /// Its frames stand at the end of the row, after steps of zeros: with
    /// `reduce = "none"`, and only there.
    PadLeft,
    /// There is no result before the first full window. The end of the audio
    /// can still cut a window short; its frames are then reduced as with
    /// [`Reduce`](Self::Reduce) if `reduce = "mean"`, else padded as with
    /// [`PadLeft`](Self::PadLeft).
    Wait,
}

/// What a client asks for. `None` is the model's default; the default hop
/// shrinks where a shorter window leaves less room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct WindowRequest {
    /// Audio that one result is computed on; rounded to whole frames.
    pub window: Option<Duration>,
    /// From one result to the next; rounded to whole frames.
    pub hop: Option<Duration>,
}
