//! The way of the audio, from its source to the server.

use std::time::Instant;

use bytes::Bytes;
use ser_client::{
    AudioSink, Error,
    audio::{AudioSource, Oddity},
};
use tokio::sync::mpsc;

use crate::commands::Stop;

/// Pieces of [`Progress`] that may wait to be shown.
pub(super) const NEWS: usize = 16;

/// What has just become of the audio.
#[derive(Debug)]
pub(super) enum Progress {
    /// This much left for the server. It was to leave at `due`.
    Sent { audio: Bytes, due: Instant },
    /// It is not as it should be, and was sent all the same.
    Odd(Oddity),
}

/// How much of the audio was sent.
#[derive(Debug, PartialEq)]
pub(super) enum Fed {
    Everything,
    UntilStopped,
}

/// Sends all of `source`, or what there is of it until `stop` asks for the
/// half-close, and half-closes.
pub(super) async fn run(
    mut source: AudioSource,
    mut sink: AudioSink,
    stop: &Stop,
    progress: mpsc::Sender<Progress>,
) -> Result<Fed, Error> {
    let send = async {
        loop {
            let chunk = source.next_chunk().await?;
            let due = Instant::now();
            if let Some(oddity) = source.take_oddity() {
                tell(&progress, Progress::Odd(oddity)).await?;
            }
            let Some(audio) = chunk else {
                return Ok(Fed::Everything);
            };
            sink.send(audio.clone()).await?;
            tell(&progress, Progress::Sent { audio, due }).await?;
        }
    };
    let sent = tokio::select! {
        biased;
        () = stop.half_closing() => Ok(Fed::UntilStopped),
        sent = send => sent,
    };
    match sent {
        // The stream of results knows why.
        Err(Error::Ended) => Ok(Fed::UntilStopped),
        sent => sent,
    }
}

async fn tell(progress: &mpsc::Sender<Progress>, news: Progress) -> Result<(), Error> {
    progress.send(news).await.map_err(|_| Error::Ended)
}
