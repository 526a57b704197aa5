//! Many clips at once, and their outcomes in the order of the clips.

use std::{path::PathBuf, sync::Arc, time::Duration};

use futures_util::{Stream, StreamExt, stream};
use ser_client::{
    Classification, Client, Code, Error, audio::Recording, proto::RecognitionOptions,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
};

use super::{
    find::{Clip, Found},
    progress::Progress,
};
use crate::{commands::Stop, output::plot::Waveform};

/// So many times as many clips as are worked on may be done and wait for a slower
/// one in front of them.
const AHEAD: usize = 16;

/// What became of a file.
pub(super) enum Outcome {
    Classified(Box<Classified>),
    Failed(PathBuf, Error),
    /// The run ended before.
    Untried,
}

/// What was found out about a clip.
pub(super) struct Classified {
    pub(super) clip: Clip,
    pub(super) audio: Duration,
    pub(super) said: Classification,
    /// One for each classified channel, if asked for.
    pub(super) waveforms: Vec<Waveform>,
}

/// What all clips share.
pub(super) struct Work {
    client: Client,
    options: RecognitionOptions,
    jobs: usize,
    waveforms: bool,
    /// One for each clip that is worked on; closed when no further one has a chance.
    places: Arc<Semaphore>,
    stop: Stop,
    progress: Progress,
}

impl Work {
    pub(super) fn new(
        client: Client,
        options: RecognitionOptions,
        jobs: u16,
        waveforms: bool,
        stop: Stop,
        progress: Progress,
    ) -> Self {
        let jobs = usize::from(jobs);
        Self {
            client,
            options,
            jobs,
            waveforms,
            places: Arc::new(Semaphore::new(jobs)),
            stop,
            progress,
        }
    }

    /// The outcomes, in the order of `found`, in which clips are begun, too. They are
    /// worked on by tasks of their own, so streams are read even while nobody takes
    /// outcomes.
    pub(super) fn outcomes(self, found: Vec<Found>) -> impl Stream<Item = Outcome> {
        let ahead = self.jobs * AHEAD;
        let work = Arc::new(self);
        #[expect(
            clippy::async_yields_async,
            reason = "clips are begun one after the other and run side by side"
        )]
        let begun = stream::iter(found).then(move |found| {
            let work = Arc::clone(&work);
            async move {
                let place = Arc::clone(&work.places).acquire_owned().await;
                tokio::spawn(work.one(found, place.ok()))
            }
        });
        let outcomes = begun.buffered(ahead);
        outcomes.map(|outcome| outcome.expect("a task neither panics nor is aborted"))
    }

    async fn one(self: Arc<Self>, found: Found, place: Option<OwnedSemaphorePermit>) -> Outcome {
        let Some(_place) = place else {
            return Outcome::Untried;
        };
        let clip = match found {
            Found::Clip(clip) => clip,
            Found::Unreadable(path, source) => {
                let error = Error::Unreadable {
                    path: path.clone(),
                    source,
                };
                self.progress.failed();
                return Outcome::Failed(path, error);
            }
        };
        let outcome = tokio::select! {
            biased;
            () = self.stop.pressed() => return Outcome::Untried,
            outcome = self.attempt(clip.clone()) => outcome,
        };
        match outcome {
            Ok(classified) => Outcome::Classified(Box::new(classified)),
            Err(error) => {
                if lost(&error) || concerns_all(&error) {
                    self.places.close();
                }
                self.progress.failed();
                Outcome::Failed(clip.path, error)
            }
        }
    }

    async fn attempt(&self, clip: Clip) -> Result<Classified, Error> {
        let mut share = self.progress.share(clip.bytes);
        let (recording, waveforms) = self.decode(&clip).await?;
        let audio = recording.duration();
        let covered = |time: Duration| share.cover(time.as_secs_f64() / audio.as_secs_f64());
        let classifying = self
            .client
            .classify_with(&recording, self.options.clone(), covered);
        let said = classifying.await?;
        self.progress.classified(audio);
        Ok(Classified {
            clip,
            audio,
            said,
            waveforms,
        })
    }

    async fn decode(&self, clip: &Clip) -> Result<(Recording, Vec<Waveform>), Error> {
        let path = clip.path.clone();
        let options = self.waveforms.then(|| self.options.clone());
        let decoding = spawn_blocking(move || {
            let recording = Recording::open(&path)?;
            let waveforms = options.map(|options| Waveform::of(&recording, &options));
            Ok((recording, waveforms.unwrap_or_default()))
        });
        // A decoder that panics has met a file that can't be read.
        decoding.await.unwrap_or_else(|panic| {
            Err(Error::Unreadable {
                path: clip.path.clone(),
                source: panic.into(),
            })
        })
    }
}

/// Whether the server is gone, after all attempts to reach it. One that is full isn't.
pub(super) fn lost(error: &Error) -> bool {
    match error.last() {
        Error::Protocol { .. } => true,
        Error::Unavailable { code, .. } => *code != Code::ResourceExhausted,
        error => error.may_pass(),
    }
}

/// Whether every clip would be refused for the same reason: for what the command
/// line asks, not for what the file holds.
pub(super) fn concerns_all(error: &Error) -> bool {
    match error.last() {
        Error::Rejected { message, .. } => {
            message.starts_with("config.options.")
                && !message.starts_with("config.options.picked_channel")
        }
        _ => false,
    }
}
