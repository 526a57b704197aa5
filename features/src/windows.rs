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
    /// Audio that the first result needs: from 1. A client may ask for a window
    /// that is longer by at least `shortest_hop`.
    pub shortest_window: usize,
    /// The longest window that a client may ask for: up to 8,192, and so short
    /// that with the shortest hop a stream holds at most 2²² levels.
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

/// Log-mel levels that a stream may hold at most, 16 MiB of them.
const MAX_LEVELS: u64 = 1 << 22;

impl WindowParams {
    /// Checks every key's range, those of `front_end` first.
    ///
    /// # Errors
    ///
    /// [`FeatureError::Setting`] with the first key that is out of range.
    pub fn validate(&self, front_end: &FrontEndParams) -> Result<(), FeatureError> {
        front_end.validate()?;
        let check = |key: &str, value: usize, lowest: usize, highest: usize| {
            if (lowest..=highest).contains(&value) {
                return Ok(());
            }
            let expected = format!("{lowest} to {highest}");
            Err(FeatureError::setting(
                format!("windows.{key}"),
                value,
                expected,
            ))
        };
        check("longest_window", self.longest_window, 2, MAX_STEPS)?;
        check(
            "shortest_window",
            self.shortest_window,
            1,
            self.longest_window - 1,
        )?;
        check(
            "window",
            self.window,
            self.shortest_window + 1,
            self.longest_window,
        )?;
        let room = self.window - self.shortest_window;
        check("shortest_hop", self.shortest_hop, 1, room)?;
        check("hop", self.hop, self.shortest_hop, room)?;
        let levels = self.most_levels(front_end);
        if levels > MAX_LEVELS {
            let expected = format!(
                "a shorter one or a longer shortest_hop: a stream would hold {levels} levels, \
                 more than {MAX_LEVELS}"
            );
            let longest = self.longest_window;
            return Err(FeatureError::setting(
                "windows.longest_window",
                longest,
                expected,
            ));
        }
        let (value, expected) = match (self.short, front_end.reduce) {
            (ShortWindow::Reduce, Reduction::None) => (
                "\"reduce\"",
                "\"pad-left\" or \"wait\" with reduce = \"none\"",
            ),
            (ShortWindow::PadLeft, Reduction::Mean) => (
                "\"pad-left\"",
                "\"reduce\" or \"wait\" with reduce = \"mean\"",
            ),
            _ => return Ok(()),
        };
        Err(FeatureError::setting("windows.short", value, expected))
    }

    /// Levels of a stream that asks for the longest window and the shortest hop:
    /// those of the frames, and of the edge frames of every open window.
    fn most_levels(&self, front_end: &FrontEndParams) -> u64 {
        let edge_frames = (front_end.n_fft / 2).div_ceil(front_end.hop_length);
        let open = self.longest_window / self.shortest_hop + 2;
        let rows = self.longest_window as u64 + 1 + open as u64 * edge_frames as u64;
        rows * front_end.n_mels as u64
    }
}

/// When windows end, and where they start, in frames.
///
/// The first ends as soon as there is enough audio, at a multiple of the hop;
/// the others follow a hop apart. All start at 0 until they are full, then they
/// slide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Schedule {
    window: u64,
    hop: u64,
    first_end: u64,
}

impl Schedule {
    pub(crate) fn new(
        params: &WindowParams,
        request: WindowRequest,
        front_end: &FrontEndParams,
    ) -> Result<Self, FeatureError> {
        params.validate(front_end)?;
        let period = FramePeriod::of(front_end);
        let window = match request.window {
            None => params.window as u64,
            Some(asked) => {
                let range = (params.shortest_window as u64, params.longest_window as u64);
                let window = period.parse("window", asked, range)?;
                let least = (params.shortest_window + params.shortest_hop) as u64;
                if window < least {
                    let least = limit(period.duration(least));
                    let expected = format!("at least {least}, to leave room for a hop");
                    return Err(FeatureError::setting("window", seconds(asked), expected));
                }
                window
            }
        };
        let room = window - params.shortest_window as u64;
        let hop = match request.hop {
            None => room.min(params.hop as u64),
            Some(asked) => period.parse("hop", asked, (params.shortest_hop as u64, room))?,
        };
        let first_end = match params.short {
            ShortWindow::Wait => window,
            ShortWindow::Reduce | ShortWindow::PadLeft => {
                (params.shortest_window as u64).next_multiple_of(hop)
            }
        };
        Ok(Self {
            window,
            hop,
            first_end,
        })
    }

    /// One window that a clip of `frames` frames, begun or whole, just fills.
    pub(crate) fn whole(frames: u64) -> Self {
        Self {
            window: frames,
            hop: frames,
            first_end: frames,
        }
    }

    pub(crate) fn window(&self) -> u64 {
        self.window
    }

    pub(crate) fn hop(&self) -> u64 {
        self.hop
    }

    /// Where the window of this index ends, counted from 0.
    pub(crate) fn end(&self, index: u64) -> u64 {
        self.first_end + index * self.hop
    }

    /// Where the window of this index starts.
    pub(crate) fn start(&self, index: u64) -> u64 {
        self.end(index).saturating_sub(self.window)
    }

    /// The newest window that starts at or before `frame`, but after 0.
    pub(crate) fn newest_slid(&self, frame: u64) -> Option<u64> {
        let index = (frame + self.window).checked_sub(self.first_end)? / self.hop;
        (self.start(index) > 0).then_some(index)
    }
}

/// Converts between durations and frames.
#[derive(Clone, Copy)]
struct FramePeriod {
    sample_rate: u128,
    hop_length: u128,
}

impl FramePeriod {
    fn of(params: &FrontEndParams) -> Self {
        Self {
            sample_rate: params.sample_rate.into(),
            hop_length: params.hop_length as u128,
        }
    }

    /// To the nearest frame.
    fn nearest(self, duration: Duration) -> u128 {
        let frame = self.hop_length * 1_000_000_000;
        (duration.as_nanos() * self.sample_rate + frame / 2) / frame
    }

    fn duration(self, frames: u64) -> Duration {
        samples_to_duration(frames * self.hop_length as u64, self.sample_rate as u32)
    }

    /// What a client asks for in frames, within `lowest` to `highest`.
    fn parse(
        self,
        field: &str,
        asked: Duration,
        (lowest, highest): (u64, u64),
    ) -> Result<u64, FeatureError> {
        match u64::try_from(self.nearest(asked)) {
            Ok(frames) if (lowest..=highest).contains(&frames) => Ok(frames),
            _ => {
                let [lowest, highest] = [lowest, highest].map(|n| limit(self.duration(n)));
                let expected = format!("{lowest} to {highest}");
                Err(FeatureError::setting(field, seconds(asked), expected))
            }
        }
    }
}

/// The time of a sample, to the nearest nanosecond.
pub(crate) fn samples_to_duration(samples: u64, sample_rate: u32) -> Duration {
    let rate = u64::from(sample_rate);
    let part = (samples % rate * 1_000_000_000 + rate / 2) / rate;
    Duration::from_secs(samples / rate) + Duration::from_nanos(part)
}

/// As precise as it is: `0.51s`.
fn seconds(duration: Duration) -> String {
    trimmed(format!(
        "{}.{:09}",
        duration.as_secs(),
        duration.subsec_nanos()
    ))
}

/// To the millisecond: far finer than the frame that requests are rounded to.
fn limit(duration: Duration) -> String {
    trimmed(format!("{:.3}", duration.as_secs_f64()))
}

fn trimmed(seconds: String) -> String {
    format!("{}s", seconds.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests;
