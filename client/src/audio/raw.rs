//! Raw audio that arrives when it arrives, for instance from `arecord`.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use ser_proto::v1::AudioFormat;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::{Oddity, frame_bytes, frames_in};
use crate::Error;

/// The largest buffer for one chunk, unless a single frame is larger.
pub(super) const MAX_CHUNK_BYTES: usize = 64 * 1024;

/// What files begin with.
const FILE_MARKERS: [&str; 3] = ["RIFF", "fLaC", "OggS"];

/// Bytes without a header, sent on as they come, in whole frames.
#[derive(Debug)]
pub struct RawSource<R> {
    reader: R,
    format: AudioFormat,
    frame_bytes: usize,
    chunk_bytes: usize,
    /// What has arrived and was not given out yet.
    arrived: BytesMut,
    begun: bool,
    stopped: bool,
    oddity: Option<Oddity>,
}

impl<R: AsyncRead + Unpin> RawSource<R> {
    /// Audio in `format` from `reader`, at most `chunk` and 64 KiB at a time.
    pub fn new(reader: R, format: AudioFormat, chunk: Duration) -> Self {
        let frame_bytes = frame_bytes(&format);
        let most_frames = (MAX_CHUNK_BYTES / frame_bytes).max(1);
        let chunk_frames = frames_in(chunk, format.sample_rate).min(most_frames);
        Self {
            reader,
            format,
            frame_bytes,
            chunk_bytes: chunk_frames * frame_bytes,
            arrived: BytesMut::new(),
            begun: false,
            stopped: false,
            oddity: None,
        }
    }

    /// How the bytes are to be read.
    pub fn format(&self) -> AudioFormat {
        self.format
    }

    /// What has arrived, at least one frame, or `None` at the end.
    ///
    /// # Errors
    ///
    /// [`Error::Input`], and [`Error::NoInput`] when there was no frame at all.
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>, Error> {
        if self.stopped {
            return Ok(None);
        }
        while self.arrived.len() < self.frame_bytes {
            let room = self.chunk_bytes - self.arrived.len();
            self.arrived.reserve(room);
            let mut reader = (&mut self.reader).take(room as u64);
            let length = reader
                .read_buf(&mut self.arrived)
                .await
                .map_err(Error::Input)?;
            if length == 0 {
                return self.end();
            }
        }
        if !self.begun {
            self.begun = true;
            self.oddity = FILE_MARKERS
                .into_iter()
                .find(|marker| self.arrived.starts_with(marker.as_bytes()))
                .map(Oddity::FileHeader);
        }
        let whole = self.arrived.len() - self.arrived.len() % self.frame_bytes;
        Ok(Some(self.arrived.split_to(whole).freeze()))
    }

    fn end(&mut self) -> Result<Option<Bytes>, Error> {
        if !self.begun {
            return Err(Error::NoInput);
        }
        if !self.arrived.is_empty() {
            self.oddity = Some(Oddity::LeftOver(self.arrived.len()));
            self.arrived.clear();
        }
        Ok(None)
    }

    /// Ends it here: what has yet to arrive is of no use.
    pub fn stop(&mut self) {
        self.stopped = true;
    }

    /// What was found odd since the last call, if anything.
    pub fn take_oddity(&mut self) -> Option<Oddity> {
        self.oddity.take()
    }
}

#[cfg(test)]
mod tests {
    use ser_proto::v1::Encoding;
    use tokio::io::AsyncWriteExt;

    use super::*;

    fn format() -> AudioFormat {
        AudioFormat {
            encoding: Encoding::S16le.into(),
            sample_rate: 8_000,
            channels: 2,
        }
    }

    #[tokio::test]
    async fn frames_leave_as_they_arrive() {
        let (mut writer, reader) = tokio::io::duplex(1024);
        let mut source = RawSource::new(reader, format(), Duration::from_millis(100));
        writer.write_all(b"abcdef").await.unwrap();
        assert_eq!(source.next_chunk().await.unwrap().unwrap(), &b"abcd"[..]);
        writer.write_all(b"gh").await.unwrap();
        assert_eq!(source.next_chunk().await.unwrap().unwrap(), &b"efgh"[..]);
        drop(writer);
        assert_eq!(source.next_chunk().await.unwrap(), None);
        assert_eq!(source.take_oddity(), None);
    }

    #[tokio::test]
    async fn an_incomplete_frame_is_left_out() {
        let mut source = RawSource::new(&[7; 401][..], format(), Duration::from_millis(100));
        assert_eq!(source.next_chunk().await.unwrap().unwrap().len(), 400);
        assert_eq!(source.next_chunk().await.unwrap(), None);
        assert_eq!(source.take_oddity(), Some(Oddity::LeftOver(1)));
        assert_eq!(source.take_oddity(), None);
    }

    #[tokio::test]
    async fn less_than_a_frame_is_no_audio() {
        for input in [&b""[..], b"abc"] {
            let mut source = RawSource::new(input, format(), Duration::from_millis(100));
            assert!(matches!(source.next_chunk().await, Err(Error::NoInput)));
        }
    }

    #[tokio::test]
    async fn the_header_of_a_file_is_noticed_at_the_start_only() {
        let length = Duration::from_millis(1);
        let mut source = RawSource::new(&b"RIFF....fLaC...."[..], format(), length);
        source.next_chunk().await.unwrap();
        assert_eq!(source.take_oddity(), Some(Oddity::FileHeader("RIFF")));
        let later = [&[7; 32], &b"fLaC"[..]].concat();
        let mut source = RawSource::new(&later[..], format(), length);
        while source.next_chunk().await.unwrap().is_some() {}
        assert_eq!(source.take_oddity(), None);
    }

    #[tokio::test]
    async fn one_that_is_stopped_has_ended() {
        let (_writer, reader) = tokio::io::duplex(1024);
        let mut source = RawSource::new(reader, format(), Duration::from_millis(100));
        source.stop();
        assert_eq!(source.next_chunk().await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_frame_larger_than_a_chunk_is_read_whole() {
        let format = AudioFormat {
            channels: 40_000,
            ..format()
        };
        let mut source = RawSource::new(&[7; 80_001][..], format, Duration::from_millis(100));
        assert_eq!(source.next_chunk().await.unwrap().unwrap().len(), 80_000);
    }

    #[tokio::test]
    async fn a_chunk_is_at_most_as_long_as_asked() {
        // 10 ms of 8 kHz stereo s16le are 320 bytes.
        let mut source = RawSource::new(&[7; 500][..], format(), Duration::from_millis(10));
        assert_eq!(source.next_chunk().await.unwrap().unwrap().len(), 320);
        assert_eq!(source.next_chunk().await.unwrap().unwrap().len(), 180);
        assert_eq!(source.next_chunk().await.unwrap(), None);
    }
}
