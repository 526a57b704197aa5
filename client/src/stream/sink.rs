//! Where a stream's audio goes.

use std::sync::Arc;

use bytes::Bytes;

use super::{MAX_REQUEST_BYTES, kept::Kept};
use crate::Error;

/// Where a stream's audio goes. Dropping it half-closes the stream: the server
/// sends the results that are still due, and the summary.
#[derive(Debug)]
pub struct AudioSink(pub(super) Arc<Kept>);

impl AudioSink {
    /// Sends `audio` of any length, cut anywhere: results do not depend on the
    /// cuts. Waits while the server's flow control holds audio back. While a stream is
    /// being resumed, audio is kept and doesn't wait, until there are 60 s of it more than
    /// the model's window and hop.
    ///
    /// # Errors
    ///
    /// [`Error::Ended`] when the stream has ended: the
    /// [`ResultStream`](crate::ResultStream) says why.
    pub async fn send(&mut self, mut audio: Bytes) -> Result<(), Error> {
        while !audio.is_empty() {
            let piece = audio.split_to(audio.len().min(MAX_REQUEST_BYTES));
            self.0.push(piece).await?;
        }
        Ok(())
    }

    /// Tells the server, once everything before is sent, that nothing will be heard until
    /// there is audio again, so that it doesn't take the stream for dead. The pause takes
    /// none of the stream's time.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn mute(&mut self) -> Result<(), Error> {
        self.0.mute()
    }
}

impl Drop for AudioSink {
    fn drop(&mut self) {
        self.0.half_close();
    }
}
