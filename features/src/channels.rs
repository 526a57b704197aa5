//! Channels, and what becomes of them.

use crate::FeatureError;

/// How many interleaved channels audio has: 1 to 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ChannelCount(u8);

impl ChannelCount {
    /// One channel.
    pub const MONO: Self = Self(1);
    /// The most channels that are taken: 7.1 surround.
    pub const MAX: Self = Self(8);

    /// `count` channels.
    ///
    /// # Errors
    ///
    /// [`FeatureError::Channels`] when none or more than [`MAX`](Self::MAX).
    pub fn new(count: u32) -> Result<Self, FeatureError> {
        match u8::try_from(count) {
            Ok(small) if (1..=Self::MAX.0).contains(&small) => Ok(Self(small)),
            _ => Err(FeatureError::Channels { count }),
        }
    }

    /// As a number.
    #[must_use]
    pub const fn get(self) -> usize {
        self.0 as usize
    }
}

/// Which channels are classified. Each stream of samples that comes out is a
/// lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ChannelSelection {
    /// The mean of all channels, as one lane.
    #[default]
    Mix,
    /// One channel, counted from 0.
    Pick(usize),
    /// Every channel on its own: lane n is channel n.
    Separate,
}

impl ChannelSelection {
    /// How many lanes this makes of `channels`.
    #[must_use]
    pub const fn lanes(self, channels: ChannelCount) -> usize {
        match self {
            Self::Mix | Self::Pick(_) => 1,
            Self::Separate => channels.get(),
        }
    }

    /// # Errors
    ///
    /// [`FeatureError::PickedChannel`] when a channel is picked that isn't
    /// there.
    pub(crate) fn check(self, channels: ChannelCount) -> Result<(), FeatureError> {
        match self {
            Self::Pick(picked) if picked >= channels.get() => Err(FeatureError::PickedChannel {
                picked,
                channels: channels.get(),
            }),
            _ => Ok(()),
        }
    }
}

/// Writes the mean of each frame of `interleaved` to `mixed`.
pub(crate) fn mix(interleaved: &[f32], channels: ChannelCount, mixed: &mut [f32]) {
    let count = f32::from(channels.0);
    for (mean, frame) in mixed
        .iter_mut()
        .zip(interleaved.chunks_exact(channels.get()))
    {
        *mean = frame.iter().sum::<f32>() / count;
    }
}

/// Writes `channel` of each frame of `interleaved` to `picked`.
pub(crate) fn pick(
    interleaved: &[f32],
    channels: ChannelCount,
    channel: usize,
    picked: &mut [f32],
) {
    for (sample, frame) in picked
        .iter_mut()
        .zip(interleaved.chunks_exact(channels.get()))
    {
        *sample = frame[channel];
    }
}
