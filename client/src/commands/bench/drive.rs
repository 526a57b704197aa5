//! The streams of one thread.

use std::{
    io,
    ops::Range,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use ser_client::{
    Error,
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
    let opening = Arc::new(Semaphore::new(OPENING));
    let mut tasks = JoinSet::new();
    for streams in connections {
        let (load, run) = (Arc::clone(&load), Arc::clone(&run));
        let (tally, opening) = (Arc::clone(&tally), Arc::clone(&opening));
        let connection = connection(load, run, tally, opening, streams);
        tasks.spawn_on(connection, runtime.handle());
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

/// Opens one connection when it is its turn, and runs its streams.
async fn connection(
    load: Arc<Load>,
    run: Arc<Run>,
    tally: Arc<Mutex<Tally>>,
    opening: Arc<Semaphore>,
    streams: Range<usize>,
) {
    let count = streams.len();
    let Ok(turn) = opening.acquire().await else {
        lock(&tally).not_opened(count);
        return run.settle(count);
    };
    match open(&load, &run, &tally, streams).await {
        Ok(speakers) => {
            drop(turn);
            speakers.join_all().await;
        }
        Err(error) => {
            lock(&tally).failed(count, error);
            run.settle(count);
            // The others would only wait for the same.
            opening.close();
        }
    }
}

/// Opens a connection and its streams, which then go on by themselves. Fails when there
/// is no connection.
async fn open(
    load: &Load,
    run: &Arc<Run>,
    tally: &Arc<Mutex<Tally>>,
    streams: Range<usize>,
) -> Result<JoinSet<()>, Error> {
    let mut speakers = JoinSet::new();
    if run.is_over(Instant::now()) {
        return Ok(speakers);
    }
    let connection = streams.start / load.streams_per_connection;
    let client = commands::connect(&load.connection.one(connection)).await?;
    for index in streams {
        let audio = &load.audio[index % load.audio.len()];
        let config = StreamingConfig {
            audio: Some(audio.format()),
            options: Some(load.options.clone()),
            pace: Pace::Live.into(),
        };
        match client.stream(config).await {
            Ok((sink, results)) => {
                lock(tally).opened += 1;
                let (run, tally) = (Arc::clone(run), Arc::clone(tally));
                let speaker = Speaker::new(run, tally, audio.clone(), index, &results);
                speakers.spawn(speaker.converse(sink, results));
            }
            Err(error) => lock(tally).failed(1, error),
        }
        run.settle(1);
    }
    Ok(speakers)
}
