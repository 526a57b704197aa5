//! The streams of one thread.

use std::{cell::RefCell, io, ops::Range, rc::Rc, sync::Arc, time::Instant};

use ser_client::{
    Error,
    proto::{Pace, StreamingConfig},
};
use tokio::{
    runtime::Builder,
    sync::Semaphore,
    task::{LocalSet, spawn_local},
};

use super::{Load, run::Run, speaker::Speaker, tally::Tally};
use crate::commands;

/// Connections that are opened at once. A server's queue of them is short.
const OPENING: usize = 16;

/// Runs the streams of some `connections`, each with a number of its own, to their
/// ends.
///
/// One thread has a runtime of its own and takes turns with nobody, so that a core
/// spends its time on messages.
pub(super) fn drive(
    load: Arc<Load>,
    run: Arc<Run>,
    connections: Vec<Range<usize>>,
) -> io::Result<Tally> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let tally = Rc::new(RefCell::new(Tally::new()));
    let opening = Rc::new(Semaphore::new(OPENING));
    let tasks = LocalSet::new();
    for streams in connections {
        let (load, run) = (Arc::clone(&load), Arc::clone(&run));
        let (tally, opening) = (Rc::clone(&tally), Rc::clone(&opening));
        tasks.spawn_local(async move {
            let count = streams.len();
            let Ok(turn) = opening.acquire().await else {
                tally.borrow_mut().not_opened(count);
                return run.settle(count);
            };
            if let Err(error) = open(&load, &run, &tally, streams).await {
                tally.borrow_mut().failed(count, error);
                run.settle(count);
                // The others would only wait for the same.
                opening.close();
            }
            drop(turn);
        });
    }
    runtime.block_on(tasks);
    Ok(tally.replace(Tally::new()))
}

/// Opens one connection and its streams, which then go on by themselves. Fails when
/// there is no connection.
async fn open(
    load: &Load,
    run: &Arc<Run>,
    tally: &Rc<RefCell<Tally>>,
    streams: Range<usize>,
) -> Result<(), Error> {
    if run.is_over(Instant::now()) {
        return Ok(());
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
                let (run, tally) = (Arc::clone(run), Rc::clone(tally));
                tally.borrow_mut().opened += 1;
                let speaker = Speaker::new(run, tally, audio.clone(), index, &results);
                spawn_local(speaker.converse(sink, results));
            }
            Err(error) => tally.borrow_mut().failed(1, error),
        }
        run.settle(1);
    }
    Ok(())
}
