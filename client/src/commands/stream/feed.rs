//! The way of the audio, from its source to the server.

use std::time::Instant;

use bytes::Bytes;
use ser_client::{
    AudioSink, Error,
    audio::{AudioSource, Oddity},
};
use tokio::sync::mpsc;

use super::tape::Tape;
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
    /// It is no longer recorded, for this reason.
    Unrecorded(String),
}

/// What has become of all audio.
#[derive(Debug)]
pub(super) struct Fed {
    /// Whether it was sent to its end.
    pub(super) whole: bool,
    /// What cut it off, while the stream went on.
    pub(super) trouble: Option<Error>,
}

/// Sends all of `source`, or what there is of it until `stop` asks for the
/// half-close, and half-closes. Records on `tape` exactly what was sent.
pub(super) async fn run(
    mut source: AudioSource,
    mut sink: AudioSink,
    mut tape: Option<&mut Tape>,
    stop: &Stop,
    progress: mpsc::Sender<Progress>,
) -> Result<Fed, Error> {
    let mut trouble = None;
    let send = async {
        let mut begun = false;
        loop {
            let chunk = match source.next_chunk().await {
                // What was sent deserves its summary.
                Err(error) if begun => {
                    trouble = Some(error);
                    return Ok(false);
                }
                chunk => chunk?,
            };
            let due = Instant::now();
            if let Some(oddity) = source.take_oddity() {
                tell(&progress, Progress::Odd(oddity)).await?;
            }
            let Some(audio) = chunk else {
                return Ok(true);
            };
            let place = match &mut tape {
                Some(tape) => tape.place().await,
                None => Ok(None),
            };
            let place = match place {
                Ok(place) => place,
                Err(reason) => {
                    tell(&progress, Progress::Unrecorded(reason)).await?;
                    None
                }
            };
            // A chunk is one request, sent or not, and recorded before anything else
            // can happen.
            sink.send(audio.clone()).await?;
            begun = true;
            if let Some(place) = place {
                place.send(audio.clone());
            }
            tell(&progress, Progress::Sent { audio, due }).await?;
        }
    };
    let sent = tokio::select! {
        biased;
        () = stop.half_closing() => Ok(false),
        sent = send => sent,
    };
    for oddity in source.close() {
        tell(&progress, Progress::Odd(oddity)).await?;
    }
    let whole = match sent {
        // The stream of results knows why.
        Err(Error::Ended) => false,
        sent => sent?,
    };
    Ok(Fed { whole, trouble })
}

async fn tell(progress: &mpsc::Sender<Progress>, news: Progress) -> Result<(), Error> {
    progress.send(news).await.map_err(|_| Error::Ended)
}
