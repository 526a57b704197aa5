//! Raw audio that arrives when it arrives, for instance from `arecord`.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use ser_proto::v1::{AudioFormat, Encoding};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::frames_in;
use crate::Error;

/// The largest buffer for one chunk.
const MAX_CHUNK_BYTES: usize = 64 * 1024;

/// Bytes without a header, sent on as they come.
#[derive(Debug)]
pub struct RawSource<R> {
    reader: R,
    format: AudioFormat,
    chunk_bytes: usize,
}

impl<R: AsyncRead + Unpin> RawSource<R> {
    /// Audio in `format` from `reader`, at most `chunk` and 64 KiB at a time.
    pub fn new(reader: R, format: AudioFormat, chunk: Duration) -> Self {
        let frame_bytes = bytes_per_sample(format.encoding()) * format.channels.max(1) as usize;
        let chunk_bytes = frames_in(chunk, format.sample_rate).saturating_mul(frame_bytes);
        Self {
            reader,
            format,
            chunk_bytes: chunk_bytes.min(MAX_CHUNK_BYTES),
        }
    }

    /// How the bytes are to be read.
    pub fn format(&self) -> AudioFormat {
        self.format
    }

    /// What has arrived, at least one byte, or `None` at the end.
    ///
    /// # Errors
    ///
    /// [`Error::Input`].
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>, Error> {
        let mut chunk = BytesMut::with_capacity(self.chunk_bytes);
        let mut reader = (&mut self.reader).take(self.chunk_bytes as u64);
        let length = reader.read_buf(&mut chunk).await.map_err(Error::Input)?;
        Ok((length > 0).then(|| chunk.freeze()))
    }
}

/// Size of one sample. The server refuses an encoding without one.
fn bytes_per_sample(encoding: Encoding) -> usize {
    match encoding {
        Encoding::S16le => 2,
        Encoding::F32le => 4,
        Encoding::Mulaw | Encoding::Alaw | Encoding::Unspecified => 1,
    }
}

#[cfg(test)]
mod tests {
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
    async fn bytes_leave_as_they_arrive() {
        let (mut writer, reader) = tokio::io::duplex(1024);
        let mut source = RawSource::new(reader, format(), Duration::from_millis(100));
        writer.write_all(b"abc").await.unwrap();
        assert_eq!(source.next_chunk().await.unwrap().unwrap(), &b"abc"[..]);
        writer.write_all(b"d").await.unwrap();
        assert_eq!(source.next_chunk().await.unwrap().unwrap(), &b"d"[..]);
        drop(writer);
        assert_eq!(source.next_chunk().await.unwrap(), None);
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
