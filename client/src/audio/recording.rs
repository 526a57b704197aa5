//! Recordings, as a server takes them.

use std::{path::Path, time::Duration};

use bytes::Bytes;
use ser_features::AudioClip;
use ser_proto::v1::{AudioFormat, Encoding};

use super::{frame_bytes, time_of};
use crate::Error;

/// A whole recording at its own rate, which the server resamples from. Clones share
/// the audio.
#[derive(Debug, Clone)]
pub struct Recording {
    format: AudioFormat,
    audio: Bytes,
}

impl Recording {
    /// Decodes the WAV or FLAC file at `path`. Takes time: asynchronous code calls it
    /// where it may block.
    ///
    /// # Errors
    ///
    /// [`Error::Unreadable`] and [`Error::NotAudio`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let bytes = std::fs::read(path).map_err(|source| Error::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        let clip = AudioClip::decode(bytes).map_err(|source| Error::NotAudio {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self::from(&clip))
    }

    /// How the bytes of [`audio`](Self::audio) are to be read: 16-bit samples where
    /// that is exact, 32-bit floats otherwise.
    pub fn format(&self) -> AudioFormat {
        self.format
    }

    /// Raw audio, whole frames.
    pub fn audio(&self) -> &Bytes {
        &self.audio
    }

    /// How long it lasts, rounded down to a nanosecond.
    pub fn duration(&self) -> Duration {
        let frames = (self.audio.len() / self.frame_bytes()) as u64;
        time_of(frames, self.format.sample_rate)
    }

    /// Its samples, channels interleaved; full scale is 1.
    pub fn samples(&self) -> impl Iterator<Item = f32> {
        let integers = self.format.encoding() == Encoding::S16le;
        let sample_bytes = if integers { 2 } else { 4 };
        self.audio.chunks_exact(sample_bytes).map(move |s| {
            if integers {
                f32::from(i16::from_le_bytes([s[0], s[1]])) / FULL_SCALE
            } else {
                f32::from_le_bytes([s[0], s[1], s[2], s[3]])
            }
        })
    }

    pub(super) fn frame_bytes(&self) -> usize {
        frame_bytes(&self.format)
    }
}

/// Of 16-bit samples: a power of two, so that scaling is exact.
const FULL_SCALE: f32 = 32_768.0;

impl From<&AudioClip> for Recording {
    fn from(clip: &AudioClip) -> Self {
        let samples = clip.samples.iter();
        let (encoding, audio): (_, Bytes) = if clip.float || clip.bits_per_sample > 16 {
            (
                Encoding::F32le,
                samples.flat_map(|s| s.to_le_bytes()).collect(),
            )
        } else {
            // A decoder divided integers by full scale, so this gives them back.
            let integers = samples.map(|s| (s * FULL_SCALE) as i16);
            (
                Encoding::S16le,
                integers.flat_map(i16::to_le_bytes).collect(),
            )
        };
        let channels = u32::try_from(clip.channels.get());
        let format = AudioFormat {
            encoding: encoding.into(),
            sample_rate: clip.sample_rate.hz(),
            channels: channels.expect("a clip has at most 8 channels"),
        };
        Self { format, audio }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use ser_features::{ChannelCount, SampleRate};

    use super::*;

    /// At 8 kHz.
    pub(in crate::audio) fn clip(
        samples: Vec<f32>,
        channels: u32,
        bits_per_sample: u32,
        float: bool,
    ) -> AudioClip {
        AudioClip {
            sample_rate: SampleRate::new(8_000).unwrap(),
            channels: ChannelCount::new(channels).unwrap(),
            samples,
            bits_per_sample,
            float,
        }
    }

    #[test]
    fn every_16_bit_sample_is_sent_exactly() {
        let integers: Vec<i16> = (i16::MIN..=i16::MAX).collect();
        let samples: Vec<_> = integers.iter().map(|&i| f32::from(i) / 32_768.0).collect();
        let recording = Recording::from(&clip(samples.clone(), 1, 16, false));
        let expected: Vec<u8> = integers.iter().flat_map(|i| i.to_le_bytes()).collect();
        assert_eq!(recording.format().encoding(), Encoding::S16le);
        assert_eq!(recording.audio(), &expected);
        assert!(recording.samples().eq(samples));
    }

    #[test]
    fn more_than_16_bits_are_sent_as_floats() {
        for (bits, float) in [(24, false), (32, true)] {
            let samples = vec![0.123_456_7, -1.0];
            let recording = Recording::from(&clip(samples.clone(), 1, bits, float));
            assert_eq!(recording.format().encoding(), Encoding::F32le);
            assert_eq!(recording.audio()[..4], 0.123_456_7_f32.to_le_bytes());
            assert!(recording.samples().eq(samples));
        }
    }

    #[test]
    fn a_frame_of_all_channels_is_one_moment() {
        let recording = Recording::from(&clip(vec![0.0; 2_000], 2, 24, false));
        assert_eq!(recording.duration(), Duration::from_millis(125));
    }
}
