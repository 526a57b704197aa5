//! The error of this crate.

use crate::{ChannelCount, SampleRate};

/// Why audio or its description can't be worked with. Messages read
/// `field: value; expected …`, without the path to the field.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FeatureError {
    /// A sample rate outside the range.
    #[error(
        "sample_rate: {hz} Hz; expected {} to {} Hz",
        SampleRate::MIN.hz(),
        SampleRate::MAX.hz()
    )]
    SampleRate {
        /// What was asked for, in Hz.
        hz: u32,
    },
    /// Tables for as many uncommon sample rates as may be at once are in use.
    #[error("sample_rate: {hz} Hz, while {limit} uncommon rates are in use; expected a common one")]
    UncommonRates {
        /// What was asked for, in Hz.
        hz: u32,
        /// How many may be in use.
        limit: usize,
    },
    /// A count of channels outside the range.
    #[error("channels: {count}; expected 1 to {}", ChannelCount::MAX.get())]
    Channels {
        /// What was asked for.
        count: u32,
    },
    /// The picked channel isn't among the channels.
    #[error("picked_channel: {picked}; expected 0 to {}", channels - 1)]
    PickedChannel {
        /// What was asked for, counted from 0.
        picked: usize,
        /// How many channels there are.
        channels: usize,
    },
    /// A setting of the front end or of its windows.
    #[error("{field}: {value}; expected {expected}")]
    Setting {
        /// A client's `window` or `hop`, or a key of `model.toml` with its
        /// table, such as `front_end.n_fft`.
        field: String,
        /// What it holds.
        value: String,
        /// What it should hold.
        expected: String,
    },
    /// A floating-point sample is NaN or infinite.
    #[error("sample {index} is {value}; expected finite numbers")]
    NotFinite {
        /// Which sample of its channel, counted from 0 since the start.
        index: u64,
        /// NaN, or an infinity.
        value: f32,
    },
    /// The audio ended inside a frame of samples.
    #[error(
        "{left_over} byte{} left over at the end; expected whole frames of {frame_bytes} bytes",
        if *left_over == 1 { "" } else { "s" }
    )]
    LeftOver {
        /// Bytes after the last whole frame.
        left_over: usize,
        /// Bytes of one sample of every channel.
        frame_bytes: usize,
    },
    /// Bytes that can't be read as an audio file.
    #[cfg(feature = "files")]
    #[error("no WAV or FLAC file ({reason}); expected the bytes of one")]
    NotAudio {
        /// What stood in the way.
        reason: String,
    },
    /// An audio file that ends early, or whose middle is damaged.
    #[cfg(feature = "files")]
    #[error("damaged after {frames} samples ({reason}); expected a whole WAV or FLAC file")]
    Damaged {
        /// Samples of each channel that could be read.
        frames: u64,
        /// What stood in the way.
        reason: String,
    },
    /// More audio than the caller wants.
    #[cfg(feature = "files")]
    #[error("longer than {0}s; expected at most {0}s", limit.as_secs_f64())]
    TooLong {
        /// What the caller wants.
        limit: std::time::Duration,
    },
    /// A file that can't be read.
    #[cfg(feature = "files")]
    #[error("{}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: std::path::PathBuf,
        /// What the operating system said.
        reason: String,
    },
}

impl FeatureError {
    pub(crate) fn setting(
        field: impl Into<String>,
        value: impl std::fmt::Display,
        expected: impl Into<String>,
    ) -> Self {
        Self::Setting {
            field: field.into(),
            value: value.to_string(),
            expected: expected.into(),
        }
    }
}
