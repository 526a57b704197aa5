//! The streams of one thread.

use std::{
    io,
    ops::Range,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use ser_client::{
    Client, Error, Timeouts,
    proto::{Pace, StreamingConfig},
};
use tokio::{runtime::Builder, sync::Semaphore, task::JoinSet, time::sleep_until};

use super::{
    Load,
    run::Run,
    speaker::{Speaker, lock},
    tally::Tally,
};
use crate::commands;

/// Connections that are opened at once. A server's queue of them is short.
const OPENING: usize = 16;

/// From one look at the thread's own lateness to the next.
const BEAT: Duration = Duration::from_millis(10);

/// Runs the streams of some `connections`, each with a number of its own, to their
/// ends.
///
/// One thread has a runtime of its own, so that a core spends its time on messages.
pub(super) fn drive(
    load: Arc<Load>,
    run: Arc<Run>,
    connections: Vec<Range<usize>>,
) -> io::Result<Tally> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let tally = Arc::new(Mutex::new(Tally::new()));
    let share = Arc::new(Share {
        load,
        run: Arc::clone(&run),
        tally: Arc::clone(&tally),
        opening: Semaphore::new(OPENING),
    });
    let mut tasks = JoinSet::new();
    for streams in connections {
        tasks.spawn_on(Arc::clone(&share).connection(streams), runtime.handle());
    }
    runtime.spawn(beat(run, Arc::clone(&tally)));
    runtime.block_on(tasks.join_all());
    Ok(std::mem::replace(&mut lock(&tally), Tally::new()))
}

/// Notes how late the thread gets round to what is due: in the one queue of the runtime
/// this task waits as long as any stream or connection. Chunks can't tell, since a
/// server may hold them back, too.
async fn beat(run: Arc<Run>, tally: Arc<Mutex<Tally>>) {
    let mut due = Instant::now();
    loop {
        due += BEAT;
        sleep_until(due.into()).await;
        if run.measures(due) {
            lock(&tally).lateness.record(due.elapsed());
        }
    }
}

/// One thread's share of the load.
struct Share {
    load: Arc<Load>,
    run: Arc<Run>,
    tally: Arc<Mutex<Tally>>,
    /// Closed when a connection fails: the others would only wait for the same.
    opening: Semaphore,
}

impl Share {
    /// Opens one connection when it is its turn, and runs its streams.
    async fn connection(self: Arc<Self>, streams: Range<usize>) {
        let mut speakers = JoinSet::new();
        match self.opening.acquire().await {
            Ok(_turn) => tokio::select! {
                biased;
                () = self.run.ended() => {}
                () = self.open(streams, &mut speakers) => {}
            },
            Err(_) => self.not_opened(streams.len()),
        }
        speakers.join_all().await;
    }

    /// Opens a connection and its streams, which then go on by themselves.
    async fn open(&self, streams: Range<usize>, speakers: &mut JoinSet<()>) {
        let client = match self.connect(streams.start).await {
            Ok(client) => client,
            Err(error) => {
                self.opening.close();
                lock(&self.tally).failed(streams.len(), error);
                return self.run.settle(streams.len());
            }
        };
        lock(&self.tally).connections += 1;
        for index in streams.clone() {
            let audio = &self.load.audio[index % self.load.audio.len()];
            let config = StreamingConfig {
                audio: Some(audio.format()),
                options: Some(self.load.options.clone()),
                pace: Pace::Live.into(),
                ..StreamingConfig::default()
            };
            let asked = Instant::now();
            match client.stream(config).await {
                Ok((sink, results)) => {
                    lock(&self.tally).opened += 1;
                    let (run, tally) = (Arc::clone(&self.run), Arc::clone(&self.tally));
                    let started = results.started();
                    let speaker = Speaker::new(run, tally, audio.clone(), index, started);
                    speakers.spawn(speaker.converse(sink, results));
                    self.run.settle(1);
                }
                Err(error) => {
                    let is_connections = is_of_the_connection(&error);
                    lock(&self.tally).not_begun(error, asked.elapsed());
                    self.run.settle(1);
                    if is_connections {
                        self.opening.close();
                        return self.not_opened(streams.end - index - 1);
                    }
                }
            }
        }
    }

    /// Connects for the streams from the `first` on. Each of them is then opened once: a
    /// new attempt, or another connection, would hide what became of the first, unless
    /// that is asked for.
    async fn connect(&self, first: usize) -> Result<Client, Error> {
        let number = first / self.load.streams_per_connection;
        let connection = match self.load.resume {
            true => self.load.connection.clone(),
            false => self.load.connection.one(number),
        };
        let client = commands::connect(&connection).await?;
        let timeouts = connection.timeouts();
        Ok(client.with_timeouts(Timeouts {
            connect: Duration::ZERO,
            resume: match self.load.resume {
                true => timeouts.resume,
                false => Duration::ZERO,
            },
            ..timeouts
        }))
    }

    fn not_opened(&self, streams: usize) {
        if streams > 0 {
            lock(&self.tally).not_opened(streams);
            self.run.settle(streams);
        }
    }
}

/// Whether `error`, of a stream that was to be opened, is what any other stream on its
/// connection would get.
fn is_of_the_connection(error: &Error) -> bool {
    matches!(
        error,
        Error::Unreachable { .. } | Error::Silent { .. } | Error::Lost { .. }
    )
}
