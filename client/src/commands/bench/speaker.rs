//! One stream: somebody who speaks until everything is measured.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use ser_client::{
    AudioSink, Error, Event, Lag, LagMeter, ResultStream,
    audio::Clock,
    proto::{EmotionResult, Trigger, Verdict},
};
use tokio::time::sleep_until;

use super::{audio::Loop, run::Run, tally::Tally};

/// A stream whose two halves share one task.
pub(super) struct Speaker {
    run: Arc<Run>,
    tally: Arc<Mutex<Tally>>,
    audio: Loop,
    /// Where in the recording this stream begins.
    place: u64,
    start: Instant,
    hop: Duration,
    delay: Duration,
    meter: Mutex<LagMeter>,
    /// Where the last result ended.
    answered: Mutex<Duration>,
}

impl Speaker {
    /// The `index`-th stream of the run, which `results` has just opened.
    pub(super) fn new(
        run: Arc<Run>,
        tally: Arc<Mutex<Tally>>,
        audio: Loop,
        index: usize,
        results: &ResultStream,
    ) -> Self {
        let started = results.started();
        let delay = started.algorithmic_delay.unwrap_or_default();
        let delay: Duration = delay.try_into().unwrap_or_default();
        let options = started.effective.clone().unwrap_or_default().options;
        let hop = options.and_then(|options| options.hop).unwrap_or_default();
        let hop: Duration = hop.try_into().unwrap_or_default();
        Self {
            place: audio.place(index),
            start: run.start_of(index, hop),
            meter: Mutex::new(LagMeter::new(&audio.format(), delay)),
            answered: Mutex::new(Duration::ZERO),
            run,
            tally,
            audio,
            hop,
            delay,
        }
    }

    /// Speaks and listens until the run is over, and notes how that went.
    pub(super) async fn converse(self, sink: AudioSink, results: ResultStream) {
        let outcome = tokio::select! {
            outcome = async { tokio::try_join!(self.speak(sink), self.listen(results)) } => outcome,
            () = self.run.given_up() => {
                self.note_missing();
                lock(&self.tally).unfinished();
                return;
            }
        };
        let mut tally = lock(&self.tally);
        match outcome {
            Ok(_) => tally.achieved += 1,
            Err(error) => tally.failed(1, error),
        }
    }

    /// Sends each chunk when it is due. What was held back follows as soon as the
    /// server takes it, also after the run, since it was due.
    async fn speak(&self, mut sink: AudioSink) -> Result<(), Error> {
        let mut clock = self.clock();
        let chunk_frames = self.audio.chunk_frames() as u64;
        for index in 0.. {
            let due = clock.due((index + 1) * chunk_frames);
            sleep_until(due).await;
            let due = due.into_std();
            if self.run.is_over(due) {
                break;
            }
            let chunk = self.audio.chunk(self.place + index * chunk_frames);
            lock(&self.meter).sent(chunk.len(), due);
            match sink.send(chunk).await {
                // The stream of results knows why.
                Err(Error::Ended) => return Ok(()),
                sent => sent?,
            }
        }
        lock(&self.meter).half_closed(Instant::now());
        Ok(())
    }

    async fn listen(&self, mut results: ResultStream) -> Result<(), Error> {
        while let Some(event) = results.next().await? {
            if let Event::Result(result) = event {
                self.note(&result);
            }
        }
        Ok(())
    }

    fn note(&self, result: &EmotionResult) {
        let now = Instant::now();
        let lag = lock(&self.meter).received(result, now);
        let end = result.end.unwrap_or_default().try_into();
        *lock(&self.answered) = end.unwrap_or_default();
        let Some(lag) = lag.filter(|_| result.trigger() != Trigger::EndOfStream) else {
            return;
        };
        if !now
            .checked_sub(lag.computable)
            .is_some_and(|due| self.run.measures(due))
        {
            return;
        }
        self.run.count_result();
        let mut tally = lock(&self.tally);
        tally.lag(lag);
        tally.no_speech += u64::from(result.verdict() == Verdict::NoSpeech);
    }

    /// Counts the results that were due and haven't come with the least that they lag:
    /// leaving them out would flatter a server that is overwhelmed.
    fn note_missing(&self) {
        let now = Instant::now();
        let mut clock = self.clock();
        let format = self.audio.format();
        let mut tally = lock(&self.tally);
        let mut end = *lock(&self.answered) + self.hop;
        while !self.hop.is_zero() {
            let computable = (end + self.delay).as_secs_f64();
            let frames = (computable * f64::from(format.sample_rate)).ceil() as u64;
            let chunk_frames = self.audio.chunk_frames() as u64;
            let due = clock.due(frames.next_multiple_of(chunk_frames)).into_std();
            if self.run.is_over(due) {
                break;
            }
            if self.run.measures(due) {
                let waited = now.saturating_duration_since(due);
                tally.lag(Lag {
                    computable: waited,
                    covered: waited,
                });
                tally.missing += 1;
            }
            end += self.hop;
        }
    }

    fn clock(&self) -> Clock {
        Clock::starting(self.audio.format().sample_rate, self.start.into())
    }
}

/// All streams of a thread take turns, so nobody ever waits here.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
