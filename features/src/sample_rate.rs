//! The rate of audio samples.

use crate::FeatureError;

/// Samples a second of one channel, within the range that the front end takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SampleRate(u32);

impl SampleRate {
    /// The lowest rate: telephone speech.
    pub const MIN: Self = Self(8_000);
    /// The highest rate: studio recordings.
    pub const MAX: Self = Self(192_000);

    /// What is in use everywhere, in Hz.
    const COMMON: [u32; 13] = [
        8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000,
        176_400, 192_000,
    ];

    /// A rate of `hz`.
    ///
    /// # Errors
    ///
    /// [`FeatureError::SampleRate`] outside [`MIN`](Self::MIN) to
    /// [`MAX`](Self::MAX).
    pub fn new(hz: u32) -> Result<Self, FeatureError> {
        if (Self::MIN.0..=Self::MAX.0).contains(&hz) {
            Ok(Self(hz))
        } else {
            Err(FeatureError::SampleRate { hz })
        }
    }

    /// In Hz.
    #[must_use]
    pub const fn hz(self) -> u32 {
        self.0
    }

    /// Whether it is one of those that sound is commonly recorded or sent at. They are few,
    /// so that what was computed for one may be kept.
    #[must_use]
    pub fn is_common(self) -> bool {
        Self::COMMON.contains(&self.0)
    }
}
