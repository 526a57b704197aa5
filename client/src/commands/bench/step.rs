//! So many streams at once, opened, warmed up, measured and ended.

use std::{io, ops::Range, panic::resume_unwind, sync::Arc, time::Duration};

use futures_util::future::try_join_all;
use indicatif::ProgressBar;
use tokio::{
    select,
    task::{JoinHandle, spawn_blocking},
    time::{Instant, sleep, sleep_until},
};

use super::{
    Load,
    drive::drive,
    run::Run,
    tally::Tally,
    usage::{Probe, Sample, Usage},
};
use crate::{commands::Stop, failure::Failure};

/// How long a server may take, when everything is measured, to say what was due.
const CATCHING_UP: Duration = Duration::from_secs(10);

/// What became of it.
#[derive(Debug)]
pub(crate) struct Step {
    /// As many as there were to be.
    pub(crate) streams: usize,
    /// How long it was measured.
    pub(crate) measured: Duration,
    /// Whether the user ended it before its time.
    pub(crate) interrupted: bool,
    pub(crate) tally: Tally,
    /// While it was measured, if the process is there.
    pub(crate) server: Option<Usage>,
    pub(crate) client: Option<Usage>,
}

impl Step {
    /// Whether every stream went well to the end, and 99 of 100 results came within
    /// `max_lag`.
    pub(crate) fn is_within(&self, max_lag: Duration) -> bool {
        let lag = &self.tally.lag;
        let is_whole = !self.interrupted && self.tally.failures() == 0;
        is_whole && lag.len() > 0 && lag.percentile(99.0) <= max_lag
    }

    /// Whether the client itself was late by so much, a tenth of the limit, that lag
    /// says more of it than of the server.
    pub(crate) fn client_was_late(&self, max_lag: Duration) -> bool {
        self.tally.lateness.percentile(99.0) > max_lag / 10
    }
}

/// Who looks on.
pub(super) struct Observer<'a> {
    pub(super) stop: &'a Stop,
    pub(super) progress: &'a ProgressBar,
    pub(super) server: Option<&'a mut Probe>,
    pub(super) client: Option<&'a mut Probe>,
}

pub(super) async fn run(
    load: &Arc<Load>,
    streams: usize,
    mut observer: Observer<'_>,
) -> Result<Step, Failure> {
    let run = Arc::new(Run::new(streams));
    let connections = connections(streams, load.streams_per_connection);
    let mut step = Step {
        streams,
        measured: Duration::ZERO,
        interrupted: false,
        tally: Tally::new(),
        server: None,
        client: None,
    };
    let threads = (0..load.threads)
        .map(|thread| connections.iter().skip(thread).step_by(load.threads))
        .map(|mine| {
            let (load, run, mine) = (Arc::clone(load), Arc::clone(&run), mine.cloned().collect());
            spawn_blocking(|| drive(load, run, mine))
        })
        .collect();
    let driven = join(threads);
    tokio::pin!(driven);
    let ended = select! {
        // Of themselves only if none is left.
        tally = &mut driven => Some(tally?),
        () = observe(load, &run, &mut step, &mut observer) => None,
    };
    step.tally = match ended {
        Some(tally) => tally,
        None => select! {
            tally = &mut driven => tally?,
            () = sleep(CATCHING_UP) => {
                run.give_up();
                driven.await?
            }
        },
    };
    run.end();
    step.measured = run.measured();
    step.interrupted = observer.stop.is_pressed() && step.measured < load.duration;
    step.tally.count_missing(&run);
    Ok(step)
}

/// Lets the streams run until enough is measured, or the user wants to stop.
async fn observe(load: &Load, run: &Run, step: &mut Step, observer: &mut Observer<'_>) {
    let stop = observer.stop;
    let streams = step.streams;
    let tell = |what: &str| {
        let opened = run.settled();
        let results = run.results();
        let message = format!("{opened} of {streams} streams, {what}, {results} results");
        observer.progress.set_message(message);
    };
    let stopped = select! {
        () = run.all_settled() => false,
        () = telling(|| tell("opening")) => false,
        () = stop.pressed() => true,
    };
    if stopped {
        return run.end();
    }
    let from = Instant::now() + load.warm_up;
    run.measure(from.into_std(), load.duration);
    select! {
        () = sleep_until(from) => {}
        () = telling(|| tell("warming up")) => {}
        () = stop.pressed() => return run.end(),
    }
    let before = [
        sample(&mut observer.client).await,
        sample(&mut observer.server).await,
    ];
    select! {
        () = sleep_until(from + load.duration) => {}
        () = telling(|| tell("measuring")) => {}
        () = stop.pressed() => run.end(),
    }
    tell("ending");
    step.client = since(&mut observer.client, before[0]).await;
    step.server = since(&mut observer.server, before[1]).await;
}

async fn sample(probe: &mut Option<&mut Probe>) -> Option<Sample> {
    probe.as_mut()?.sample().await.ok()
}

async fn since(probe: &mut Option<&mut Probe>, before: Option<Sample>) -> Option<Usage> {
    probe.as_mut()?.since(before?).await
}

/// Calls `tell` again and again, without an end.
async fn telling(tell: impl Fn()) {
    loop {
        tell();
        sleep(Duration::from_millis(200)).await;
    }
}

/// The numbers of the streams on each connection.
fn connections(streams: usize, per_connection: usize) -> Vec<Range<usize>> {
    (0..streams)
        .step_by(per_connection)
        .map(|first| first..streams.min(first + per_connection))
        .collect()
}

/// All that the threads tallied, or at once what the first said that couldn't go on: the
/// others may run for ever.
async fn join(threads: Vec<JoinHandle<io::Result<Tally>>>) -> io::Result<Tally> {
    let threads = threads.into_iter().map(async |thread| {
        let tally = thread.await;
        tally.unwrap_or_else(|error| resume_unwind(error.into_panic()))
    });
    let mut all = Tally::new();
    for tally in try_join_all(threads).await? {
        all.add(tally);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_connection_takes_what_is_left() {
        assert_eq!(connections(5, 2), [0..2, 2..4, 4..5]);
        assert_eq!(connections(2, 100), vec![0..2]);
    }
}
