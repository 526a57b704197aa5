//! The way of the audio, from its source to the server.

use std::{
    pin::pin,
    time::{Duration, Instant},
};

use bytes::Bytes;
use ser_client::{
    AudioSink, Error,
    audio::{AudioSource, Oddity},
};
use tokio::{
    sync::mpsc::{self, OwnedPermit},
    time::sleep,
};

use super::tape::Tape;
use crate::commands::{Mute, Stop};

/// Pieces of [`Progress`] that may wait to be shown.
pub(super) const NEWS: usize = 16;

/// How long audio that was recorded before the wish to stop may take to leave.
const LAST_WORDS: Duration = Duration::from_secs(2);

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
#[derive(Debug, Default)]
pub(super) struct Fed {
    /// Whether it was sent to its end.
    pub(super) whole: bool,
    /// What cut it off, while the stream went on.
    pub(super) trouble: Option<Error>,
}

/// Sends all of `source`, or what there is of it when `stop` asks for the half-close,
/// and half-closes. Sends nothing of what is heard while `mute` is on. Records on `tape`
/// exactly what was sent.
pub(super) async fn run(
    source: AudioSource,
    sink: AudioSink,
    tape: Option<&mut Tape>,
    stop: &Stop,
    mute: &Mute,
    progress: mpsc::Sender<Progress>,
) -> Result<Fed, Error> {
    let mut feed = Feed {
        source,
        sink,
        tape,
        progress,
        unsent: 0,
    };
    let sent = tokio::select! {
        biased;
        sent = feed.send(stop, mute) => sent,
        () = too_late(stop) => Ok(Fed::default()),
    };
    match sent {
        // The stream of results knows why.
        Err(Error::Ended) => Ok(Fed::default()),
        Err(error) => Err(error),
        Ok(fed) => feed.end().await.map(|()| fed),
    }
}

async fn too_late(stop: &Stop) {
    stop.half_closing().await;
    sleep(LAST_WORDS).await;
}

struct Feed<'a> {
    source: AudioSource,
    sink: AudioSink,
    tape: Option<&'a mut Tape>,
    progress: mpsc::Sender<Progress>,
    /// Bytes that were taken from the source and haven't left.
    unsent: usize,
}

impl Feed<'_> {
    async fn send(&mut self, stop: &Stop, mute: &Mute) -> Result<Fed, Error> {
        let (mut begun, mut stopped, mut muted) = (false, false, false);
        loop {
            let chunk = tokio::select! {
                biased;
                () = stop.half_closing(), if !stopped => {
                    stopped = true;
                    self.source.stop();
                    continue;
                }
                () = mute.until(!muted) => {
                    muted = !muted;
                    if muted {
                        self.sink.mute()?;
                    }
                    continue;
                }
                chunk = self.source.next_chunk() => chunk,
            };
            let chunk = match chunk {
                // What was sent deserves its summary.
                Err(error) if begun => {
                    let trouble = Some(error);
                    return Ok(Fed {
                        whole: false,
                        trouble,
                    });
                }
                chunk => chunk?,
            };
            let due = Instant::now();
            if let Some(oddity) = self.source.take_oddity() {
                self.tell(Progress::Odd(oddity)).await?;
            }
            let Some(audio) = chunk else {
                let whole = !stopped;
                return Ok(Fed {
                    whole,
                    trouble: None,
                });
            };
            if muted {
                continue;
            }
            self.unsent = audio.len();
            let place = self.place().await?;
            // A chunk is one request, sent or not, and recorded before anything else
            // can happen.
            {
                let mut sending = pin!(self.sink.send(audio.clone()));
                tokio::select! {
                    biased;
                    () = stop.half_closing(), if !stopped => {
                        stopped = true;
                        self.source.stop();
                        sending.await
                    }
                    sent = &mut sending => sent,
                }?;
            }
            if let Some(place) = place {
                place.send(audio.clone());
            }
            self.unsent = 0;
            begun = true;
            self.tell(Progress::Sent { audio, due }).await?;
        }
    }

    /// Where to record the next chunk, if it is to be.
    async fn place(&mut self) -> Result<Option<OwnedPermit<Bytes>>, Error> {
        let Some(tape) = &mut self.tape else {
            return Ok(None);
        };
        match tape.place().await {
            Ok(place) => Ok(place),
            Err(reason) => {
                self.tell(Progress::Unrecorded(reason)).await?;
                Ok(None)
            }
        }
    }

    /// Tells the rest and half-closes: after the summary there is nothing to tell.
    async fn end(self) -> Result<(), Error> {
        for oddity in self.source.close(self.unsent).await {
            tell(&self.progress, Progress::Odd(oddity)).await?;
        }
        Ok(())
    }

    async fn tell(&self, news: Progress) -> Result<(), Error> {
        tell(&self.progress, news).await
    }
}

async fn tell(progress: &mpsc::Sender<Progress>, news: Progress) -> Result<(), Error> {
    progress.send(news).await.map_err(|_| Error::Ended)
}
