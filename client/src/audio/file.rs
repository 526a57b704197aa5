//! Recordings, sent as if they were being spoken.

use std::{path::Path, time::Duration};

use bytes::Bytes;
use ser_proto::v1::AudioFormat;

use super::{Clock, Pacing, Recording, frames_in, raw::MAX_CHUNK_BYTES};
use crate::Error;

/// A decoded WAV or FLAC file, at its own rate: the server resamples.
#[derive(Debug)]
pub struct FileSource {
    /// What is left of it.
    audio: Bytes,
    /// What is due of it and was not given out yet.
    due: Bytes,
    format: AudioFormat,
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
        Ok(Self::new(&Recording::open(path)?, chunk, pacing))
    }

    /// `recording`, to be sent in chunks of the length `chunk`.
    pub fn new(recording: &Recording, chunk: Duration, pacing: Pacing) -> Self {
        let format = recording.format();
        Self {
            audio: recording.audio().clone(),
            due: Bytes::new(),
            format,
            frame_bytes: recording.frame_bytes(),
            chunk_frames: frames_in(chunk, format.sample_rate),
            spoken: 0,
            clock: (pacing == Pacing::RealTime).then(|| Clock::new(format.sample_rate)),
        }
    }

    /// How the bytes are to be read: 16-bit samples where that is exact, 32-bit
    /// floats otherwise.
    pub fn format(&self) -> AudioFormat {
        self.format
    }

    /// The next chunk, as soon as it is due, or `None` at the end. More than 64 KiB
    /// come in several pieces at once.
    pub async fn next_chunk(&mut self) -> Option<Bytes> {
        if self.due.is_empty() {
            let left = self.audio.len() / self.frame_bytes;
            let frames = left.min(self.chunk_frames);
            if frames == 0 {
                return None;
            }
            if let Some(clock) = &mut self.clock {
                clock.wait_for(self.spoken + frames as u64).await;
            }
            self.spoken += frames as u64;
            self.due = self.audio.split_to(frames * self.frame_bytes);
        }
        let most = MAX_CHUNK_BYTES - MAX_CHUNK_BYTES % self.frame_bytes;
        Some(self.due.split_to(most.min(self.due.len())))
    }

    /// Ends it here.
    pub fn stop(&mut self) {
        self.audio.clear();
        self.due.clear();
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::audio::recording::tests::clip;

    #[tokio::test(start_paused = true)]
    async fn a_chunk_is_due_when_its_last_sample_was_spoken() {
        // 1,000 stereo frames of 8 kHz: 125 ms.
        let clip = Recording::from(&clip(vec![0.0; 2_000], 2, 16, false));
        let mut source = FileSource::new(&clip, Duration::from_millis(100), Pacing::RealTime);
        let start = Instant::now();
        assert_eq!(source.next_chunk().await.unwrap().len(), 800 * 4);
        assert_eq!(start.elapsed(), Duration::from_millis(100));
        assert_eq!(source.next_chunk().await.unwrap().len(), 200 * 4);
        assert_eq!(start.elapsed(), Duration::from_millis(125));
        assert_eq!(source.next_chunk().await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_stopped_has_ended() {
        let clip = Recording::from(&clip(vec![0.0; 200_000], 1, 16, false));
        let mut source = FileSource::new(&clip, Duration::from_secs(5), Pacing::RealTime);
        // The first piece of several that are due at once.
        assert_eq!(source.next_chunk().await.unwrap().len(), MAX_CHUNK_BYTES);
        source.stop();
        assert_eq!(source.next_chunk().await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn without_pacing_nothing_waits() {
        let clip = Recording::from(&clip(vec![0.0; 16_000], 1, 16, false));
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
