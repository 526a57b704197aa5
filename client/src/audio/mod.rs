//! Audio as a server takes it: where it comes from, and when it is due.

mod encode;
mod file;
#[cfg(feature = "microphone")]
pub mod microphone;
mod oddity;
mod pacing;
mod raw;
mod recorder;
mod recording;

use std::{path::Path, time::Duration};

use bytes::Bytes;
use ser_proto::v1::{AudioFormat, Encoding};
use tokio::io::Stdin;

pub use encode::encode;
pub use file::FileSource;
#[cfg(feature = "microphone")]
use microphone::Microphone;
pub use oddity::Oddity;
pub(crate) use pacing::time_of;
pub use pacing::{Clock, Pacing};
pub use raw::RawSource;
pub use recorder::Recorder;
pub use recording::Recording;

use crate::Error;

/// Where a stream's audio comes from.
#[derive(Debug)]
pub enum AudioSource {
    /// A recording.
    File(FileSource),
    /// Standard input, live.
    StandardInput(RawSource<Stdin>),
    /// A sound device, live.
    #[cfg(feature = "microphone")]
    Microphone(Microphone),
}

impl AudioSource {
    /// The WAV or FLAC file at `path`, in chunks of the length `chunk`.
    ///
    /// # Errors
    ///
    /// [`Error::Unreadable`] and [`Error::NotAudio`].
    pub fn file(path: &Path, chunk: Duration, pacing: Pacing) -> Result<Self, Error> {
        FileSource::open(path, chunk, pacing).map(Self::File)
    }

    /// Raw audio in `format` from standard input, sent on as it arrives, at most
    /// `chunk` at a time.
    pub fn standard_input(format: AudioFormat, chunk: Duration) -> Self {
        Self::StandardInput(RawSource::new(tokio::io::stdin(), format, chunk))
    }

    /// How the bytes of this source are to be read.
    pub fn format(&self) -> AudioFormat {
        match self {
            Self::File(file) => file.format(),
            Self::StandardInput(raw) => raw.format(),
            #[cfg(feature = "microphone")]
            Self::Microphone(microphone) => microphone.format(),
        }
    }

    /// The next chunk, as soon as it is due, or `None` at the end: whole frames, at
    /// most 64 KiB of them. Cancelling a call loses no audio.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] when standard input can't be read, [`Error::NoInput`] when
    /// it holds no audio; [`Error::MicrophoneLost`], [`Error::MicrophoneFailed`] and
    /// [`Error::MicrophoneSilent`].
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>, Error> {
        match self {
            Self::File(file) => Ok(file.next_chunk().await),
            Self::StandardInput(raw) => raw.next_chunk().await,
            #[cfg(feature = "microphone")]
            Self::Microphone(microphone) => microphone.next_chunk().await,
        }
    }

    /// What was found odd about the audio since the last call, if anything.
    pub fn take_oddity(&mut self) -> Option<Oddity> {
        match self {
            Self::File(_) => None,
            Self::StandardInput(raw) => raw.take_oddity(),
            #[cfg(feature = "microphone")]
            Self::Microphone(microphone) => microphone.take_oddity(),
        }
    }

    /// Ends the audio here. What a microphone has recorded up to now is still to be
    /// had; then, and of the other sources at once, there is no further chunk.
    pub fn stop(&mut self) {
        match self {
            Self::File(file) => file.stop(),
            Self::StandardInput(raw) => raw.stop(),
            #[cfg(feature = "microphone")]
            Self::Microphone(microphone) => microphone.stop(),
        }
    }

    /// Ends the source, whose last `unsent` bytes were given out and never left. Gives
    /// what is still to be said of its audio.
    #[cfg_attr(
        not(feature = "microphone"),
        expect(unused_variables, reason = "only a microphone can't say it again")
    )]
    pub async fn close(self, unsent: usize) -> Vec<Oddity> {
        match self {
            // They can be sent again, or go on.
            Self::File(_) | Self::StandardInput(_) => Vec::new(),
            #[cfg(feature = "microphone")]
            Self::Microphone(microphone) => microphone.close(unsent).await,
        }
    }
}

/// The bytes of one frame: a sample of each channel. A server refuses an encoding without
/// a size, and audio without a channel.
pub fn frame_bytes(format: &AudioFormat) -> usize {
    bytes_per_sample(format.encoding()) * format.channels.max(1) as usize
}

fn bytes_per_sample(encoding: Encoding) -> usize {
    match encoding {
        Encoding::S16le => 2,
        Encoding::F32le => 4,
        Encoding::Mulaw | Encoding::Alaw | Encoding::Unspecified => 1,
    }
}

/// Frames in `length` at `sample_rate` Hz, at least one.
pub fn frames_in(length: Duration, sample_rate: u32) -> usize {
    let frames = length.as_nanos() * u128::from(sample_rate) / 1_000_000_000;
    usize::try_from(frames).unwrap_or(usize::MAX).max(1)
}

/// Samples of one channel until `time`, which a server gave: rounded up, unless it is by
/// the nanosecond that `time` may be rounded itself.
pub fn samples_until(time: Duration, sample_rate: u32) -> u64 {
    let nanos = time.as_nanos().saturating_sub(1);
    let samples = (nanos * u128::from(sample_rate)).div_ceil(1_000_000_000);
    u64::try_from(samples).unwrap_or(u64::MAX)
}
