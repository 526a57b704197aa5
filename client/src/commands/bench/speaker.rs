//! One stream: somebody who speaks until everything is measured.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use ser_client::{
    AudioSink, Error, Event, ResultStream,
    proto::{EmotionResult, StreamStarted, Trigger, Verdict},
};
use tokio::time::sleep_until;

use super::{
    audio::Loop,
    run::Run,
    schedule::{Owed, Schedule, time},
    tally::Tally,
};

/// A stream whose two halves share one task.
pub(super) struct Speaker {
    run: Arc<Run>,
    tally: Arc<Mutex<Tally>>,
    audio: Loop,
    /// Where in the recording this stream begins.
    place: u64,
    schedule: Schedule,
}

impl Speaker {
    /// The `index`-th stream of the run, which has just `started`.
    pub(super) fn new(
        run: Arc<Run>,
        tally: Arc<Mutex<Tally>>,
        audio: Loop,
        index: usize,
        started: &StreamStarted,
    ) -> Self {
        let effective = started.effective.as_ref();
        let options = effective.and_then(|effective| effective.options.as_ref());
        let start = run.start_of(index, time(options.and_then(|options| options.hop)));
        Self {
            place: audio.place(index),
            schedule: Schedule::new(&audio, start, time(started.algorithmic_delay)),
            run,
            tally,
            audio,
        }
    }

    /// Speaks and listens until the run is over, and notes how that went.
    pub(super) async fn converse(self, sink: AudioSink, results: ResultStream) {
        let channels = self.audio.format().channels;
        let mut owed = Owed::new(self.schedule, channels, results.started());
        let talk = async { tokio::try_join!(self.speak(sink), self.listen(results, &mut owed)) };
        let outcome = tokio::select! {
            outcome = talk => Some(outcome),
            () = self.run.given_up() => None,
        };
        let mut tally = lock(&self.tally);
        match outcome {
            Some(Ok(_)) => tally.achieved += 1,
            Some(Err(error)) => tally.broken(error, owed),
            None => tally.unfinished(owed),
        }
    }

    /// Sends each chunk when it is due. What was held back follows as soon as the
    /// server takes it, also after the run, since it was due.
    async fn speak(&self, mut sink: AudioSink) -> Result<(), Error> {
        let chunk_frames = self.audio.chunk_frames() as u64;
        for index in 0.. {
            let due = self.schedule.chunk(index);
            sleep_until(due.into()).await;
            if self.run.is_over(due) {
                break;
            }
            let chunk = self.audio.chunk(self.place + index * chunk_frames);
            match sink.send(chunk).await {
                // The stream of results knows why.
                Err(Error::Ended) => break,
                sent => sent?,
            }
        }
        Ok(())
    }

    async fn listen(&self, mut results: ResultStream, owed: &mut Owed) -> Result<(), Error> {
        while let Some(event) = results.next().await? {
            match event {
                Event::Result(result) => {
                    owed.received(&result);
                    self.note(&result);
                }
                Event::Resumed(_) => lock(&self.tally).resumed += 1,
                _ => {}
            }
        }
        Ok(())
    }

    fn note(&self, result: &EmotionResult) {
        let due = self.schedule.result(result.end_sample);
        if result.trigger() == Trigger::EndOfStream || !self.run.measures(due) {
            return;
        }
        self.run.count_result();
        let lag = self.schedule.lag(result.end_sample, Instant::now());
        let mut tally = lock(&self.tally);
        tally.lag(lag);
        tally.no_speech += u64::from(result.verdict() == Verdict::NoSpeech);
    }
}

/// All streams of a thread take turns, so nobody ever waits here.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
