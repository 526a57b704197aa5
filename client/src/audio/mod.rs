//! Audio as a server takes it: where it comes from, and when it is due.

mod file;
mod pacing;
mod raw;
mod recording;

use std::{path::Path, time::Duration};

use bytes::Bytes;
use ser_proto::v1::AudioFormat;
use tokio::io::Stdin;

pub use file::FileSource;
use pacing::time_of;
pub use pacing::{Clock, Pacing};
pub(crate) use raw::bytes_per_sample;
pub use raw::{Oddity, RawSource};
pub use recording::Recording;

use crate::Error;

/// Where a stream's audio comes from.
#[derive(Debug)]
pub enum AudioSource {
    /// A recording.
    File(FileSource),
    /// Standard input, live.
    StandardInput(RawSource<Stdin>),
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
        }
    }

    /// The next chunk, as soon as it is due, or `None` at the end.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] when standard input can't be read, [`Error::NoInput`] when
    /// it holds no audio.
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>, Error> {
        match self {
            Self::File(file) => Ok(file.next_chunk().await),
            Self::StandardInput(raw) => raw.next_chunk().await,
        }
    }

    /// What was found odd about the audio since the last call, if anything.
    pub fn take_oddity(&mut self) -> Option<Oddity> {
        match self {
            Self::File(_) => None,
            Self::StandardInput(raw) => raw.take_oddity(),
        }
    }
}

/// Frames in `length` at `sample_rate` Hz, at least one.
fn frames_in(length: Duration, sample_rate: u32) -> usize {
    let frames = length.as_nanos() * u128::from(sample_rate) / 1_000_000_000;
    usize::try_from(frames).unwrap_or(usize::MAX).max(1)
}
