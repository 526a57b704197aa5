//! Recordings.

use std::{path::Path, time::Duration};

use bytes::Bytes;
use ser_features::AudioClip;
use ser_proto::v1::{AudioFormat, Encoding};

use super::{Clock, Pacing, frames_in};
use crate::Error;

/// A decoded WAV or FLAC file, at its own rate: the server resamples.
#[derive(Debug)]
pub struct FileSource {
    format: AudioFormat,
    audio: Bytes,
    frame_bytes: usize,
    chunk_frames: usize,
    spoken: u64,
    clock: Option<Clock>,
}

impl FileSource {
    /// Decodes the file at `path`, to be sent in chunks of the length `chunk`.
    ///
    /// # Errors
    ///
    /// [`Error::Unreadable`] and [`Error::NotAudio`].
    pub fn open(path: &Path, chunk: Duration, pacing: Pacing) -> Result<Self, Error> {
        let bytes = std::fs::read(path).map_err(|source| Error::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        let clip = AudioClip::decode(bytes).map_err(|source| Error::NotAudio {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self::new(&clip, chunk, pacing))
    }

    fn new(clip: &AudioClip, chunk: Duration, pacing: Pacing) -> Self {
        let (encoding, sample_bytes, audio) = encode(clip);
        let (sample_rate, channels) = (clip.sample_rate.hz(), clip.channels.get());
        Self {
            format: AudioFormat {
                encoding: encoding.into(),
                sample_rate,
                channels: u32::try_from(channels).expect("a clip has at most 8 channels"),
            },
            audio,
            frame_bytes: sample_bytes * channels,
            chunk_frames: frames_in(chunk, sample_rate),
            spoken: 0,
            clock: (pacing == Pacing::RealTime).then(|| Clock::new(sample_rate)),
        }
    }

    /// How the bytes are to be read: 16-bit samples where that is exact, 32-bit
    /// floats otherwise.
    pub fn format(&self) -> AudioFormat {
        self.format
    }

    /// The next chunk, as soon as it is due, or `None` at the end.
    pub async fn next_chunk(&mut self) -> Option<Bytes> {
        let left = self.audio.len() / self.frame_bytes;
        let frames = left.min(self.chunk_frames);
        if frames == 0 {
            return None;
        }
        if let Some(clock) = &mut self.clock {
            clock.wait_for(self.spoken + frames as u64).await;
        }
        self.spoken += frames as u64;
        Some(self.audio.split_to(frames * self.frame_bytes))
    }
}

/// The samples as bytes, and the size of one of them.
fn encode(clip: &AudioClip) -> (Encoding, usize, Bytes) {
    if clip.float || clip.bits_per_sample > 16 {
        let bytes = clip
            .samples
            .iter()
            .flat_map(|sample| sample.to_le_bytes())
            .collect();
        (Encoding::F32le, 4, bytes)
    } else {
        // Samples are integers divided by full scale, a power of two, so this
        // gives the integers back.
        let integer = |sample: &f32| (sample * 32_768.0) as i16;
        let bytes = clip
            .samples
            .iter()
            .flat_map(|s| integer(s).to_le_bytes())
            .collect();
        (Encoding::S16le, 2, bytes)
    }
}

#[cfg(test)]
mod tests {
    use ser_features::{ChannelCount, SampleRate};
    use tokio::time::Instant;

    use super::*;

    fn clip(samples: Vec<f32>, channels: u32, bits_per_sample: u32, float: bool) -> AudioClip {
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
        let samples = integers.iter().map(|&i| f32::from(i) / 32_768.0).collect();
        let source = FileSource::new(&clip(samples, 1, 16, false), Duration::MAX, Pacing::Unpaced);
        let expected: Vec<u8> = integers.iter().flat_map(|i| i.to_le_bytes()).collect();
        assert_eq!(source.format().encoding(), Encoding::S16le);
        assert_eq!(source.audio, expected);
    }

    #[test]
    fn more_than_16_bits_are_sent_as_floats() {
        for (bits, float) in [(24, false), (32, true)] {
            let samples = vec![0.123_456_7, -1.0];
            let source = FileSource::new(
                &clip(samples, 1, bits, float),
                Duration::from_millis(100),
                Pacing::Unpaced,
            );
            assert_eq!(source.format().encoding(), Encoding::F32le);
            assert_eq!(source.audio[..4], 0.123_456_7_f32.to_le_bytes());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_chunk_is_due_when_its_last_sample_was_spoken() {
        // 1,000 stereo frames of 8 kHz: 125 ms.
        let clip = clip(vec![0.0; 2_000], 2, 16, false);
        let mut source = FileSource::new(&clip, Duration::from_millis(100), Pacing::RealTime);
        let start = Instant::now();
        assert_eq!(source.next_chunk().await.unwrap().len(), 800 * 4);
        assert_eq!(start.elapsed(), Duration::from_millis(100));
        assert_eq!(source.next_chunk().await.unwrap().len(), 200 * 4);
        assert_eq!(start.elapsed(), Duration::from_millis(125));
        assert_eq!(source.next_chunk().await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn without_pacing_nothing_waits() {
        let clip = clip(vec![0.0; 16_000], 1, 16, false);
        let mut source = FileSource::new(&clip, Duration::from_millis(100), Pacing::Unpaced);
        let start = Instant::now();
        let mut sent = 0;
        while let Some(chunk) = source.next_chunk().await {
            sent += chunk.len();
        }
        assert_eq!(sent, 32_000);
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}
