//! Keeps what was sent.

use std::{
    fs::{File, OpenOptions},
    io::{self, ErrorKind, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use ser_features::{ChannelCount, SampleRate};
use ser_proto::v1::{AudioFormat, Encoding};

use crate::Error;

/// Writes raw audio into a WAV file in the very format that it was sent in, so that
/// sending the file gives the same results. The file is whole after every call of
/// [`write`](Self::write): it survives the end of the program, whatever ends it.
#[derive(Debug)]
pub struct Recorder {
    file: File,
    path: PathBuf,
    format: AudioFormat,
    /// The size of the audio so far.
    audio_bytes: u32,
}

impl Recorder {
    /// Makes the file at `path` for audio in `format`. What is there already is kept:
    /// speech can't be recorded again.
    ///
    /// # Errors
    ///
    /// [`Error::Unwritable`], also when there is a file already, and of a format that
    /// no server takes.
    pub fn create(path: &Path, format: AudioFormat) -> Result<Self, Error> {
        let unwritable = |source| Error::Unwritable {
            path: path.to_owned(),
            source,
        };
        check(format).map_err(|why| unwritable(io::Error::new(ErrorKind::InvalidInput, why)))?;
        let file = OpenOptions::new().write(true).create_new(true).open(path);
        let mut recorder = Self {
            file: file.map_err(unwritable)?,
            path: path.to_owned(),
            format,
            audio_bytes: 0,
        };
        recorder.write_header().map_err(unwritable)?;
        Ok(recorder)
    }

    /// Adds `audio`, whole frames of the format. Takes as long as the file system
    /// takes to note it, not to store it.
    ///
    /// # Errors
    ///
    /// [`Error::Unwritable`]; the file then holds what was added before, and no more
    /// can be.
    pub fn write(&mut self, audio: &[u8]) -> Result<(), Error> {
        let before = self.audio_bytes;
        self.append(audio).map_err(|source| {
            self.audio_bytes = before;
            // Best effort: what is left of `audio` lies behind what the header tells of.
            let _ = self.file.set_len(self.end() + u64::from(before % 2));
            Error::Unwritable {
                path: self.path.clone(),
                source,
            }
        })
    }

    /// Audio first, then the sizes that tell of it.
    fn append(&mut self, audio: &[u8]) -> io::Result<()> {
        self.audio_bytes = grown(self.audio_bytes, audio.len())
            .ok_or_else(|| io::Error::new(ErrorKind::FileTooLarge, "a WAV file ends at 4 GiB"))?;
        self.file.write_all(audio)?;
        if self.audio_bytes % 2 == 1 {
            // Chunks of a WAV file end at even places. More audio goes over it.
            self.file.write_all(&[0])?;
        }
        self.write_header()
    }

    fn write_header(&mut self) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(0))?;
        self.file
            .write_all(&header(self.format, self.audio_bytes))?;
        self.file.seek(SeekFrom::Start(self.end()))?;
        Ok(())
    }

    /// Where the audio ends in the file.
    fn end(&self) -> u64 {
        u64::from(HEADER_BYTES) + u64::from(self.audio_bytes)
    }
}

/// Whether audio can have this format.
fn check(format: AudioFormat) -> Result<(), String> {
    SampleRate::new(format.sample_rate).map_err(|error| error.to_string())?;
    ChannelCount::new(format.channels).map_err(|error| error.to_string())?;
    match format.encoding() {
        Encoding::Unspecified => Err(format!(
            "encoding: {}; expected one that the protocol names",
            format.encoding
        )),
        _ => Ok(()),
    }
}

/// The size of the audio when there is more of it, unless its file can't tell.
fn grown(audio_bytes: u32, added: usize) -> Option<u32> {
    let audio_bytes = audio_bytes.checked_add(u32::try_from(added).ok()?)?;
    // The file's own size counts most of the header, and maybe a byte of padding.
    let tellable = audio_bytes.checked_add(HEADER_BYTES).is_some();
    tellable.then_some(audio_bytes)
}

/// The size of every [`header`].
const HEADER_BYTES: u32 = 58;

/// What stands before the audio, after Microsoft's "New Multimedia Data Types": the
/// form with an extension of no bytes and the count of frames, which every format but
/// 16-bit integers must have and that one may.
fn header(format: AudioFormat, audio_bytes: u32) -> Vec<u8> {
    let (tag, sample_bytes): (u16, u16) = match format.encoding() {
        Encoding::F32le => (3, 4),
        Encoding::Alaw => (6, 1),
        Encoding::Mulaw => (7, 1),
        Encoding::S16le | Encoding::Unspecified => (1, 2),
    };
    let channels = u16::try_from(format.channels).unwrap_or(u16::MAX);
    let frame_bytes = sample_bytes.saturating_mul(channels);
    let byte_rate = format.sample_rate.saturating_mul(u32::from(frame_bytes));
    let frames = audio_bytes / u32::from(frame_bytes.max(1));
    [
        &b"RIFF"[..],
        &(HEADER_BYTES - 8 + audio_bytes + audio_bytes % 2).to_le_bytes(),
        b"WAVEfmt ",
        &18_u32.to_le_bytes(),
        &tag.to_le_bytes(),
        &channels.to_le_bytes(),
        &format.sample_rate.to_le_bytes(),
        &byte_rate.to_le_bytes(),
        &frame_bytes.to_le_bytes(),
        &(sample_bytes * 8).to_le_bytes(),
        &0_u16.to_le_bytes(),
        b"fact",
        &4_u32.to_le_bytes(),
        &frames.to_le_bytes(),
        b"data",
        &audio_bytes.to_le_bytes(),
    ]
    .concat()
}

#[cfg(test)]
mod tests;
