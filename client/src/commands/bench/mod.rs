//! `ser-client bench`: so many streams at once, and how far results lag behind.

mod audio;
mod drive;
mod run;
mod schedule;
mod speaker;
mod step;
mod tally;
mod usage;
mod voice;

use std::{path::PathBuf, sync::Arc, time::Duration};

use indicatif::ProgressBar;
use ser_client::proto::RecognitionOptions;

use self::{audio::Loop, step::Observer, usage::Probe};
pub(crate) use self::{
    step::Step,
    tally::{Tally, Times},
    usage::Usage,
};
use super::{Stop, inputs::Inputs};
use crate::{
    cli::{BenchArgs, Connection},
    failure::Failure,
    output::load as report,
};

/// What all streams of all steps have in common.
#[derive(Debug)]
struct Load {
    connection: Connection,
    audio: Vec<Loop>,
    options: RecognitionOptions,
    streams_per_connection: usize,
    resume: bool,
    threads: usize,
    warm_up: Duration,
    duration: Duration,
}

pub(crate) async fn run(connection: &Connection, args: &BenchArgs) -> Result<(), Failure> {
    if let Some(path) = &args.plot {
        let audio = Inputs::of("--audio", args.audio.iter().map(PathBuf::as_path));
        audio.spare("--plot", path)?;
        // What can't be written is told now, and not when everything is measured.
        report::plot::check(path).map_err(|source| Failure::file(path, source))?;
    }
    allow_many_connections();
    let load = Arc::new(Load {
        connection: connection.clone(),
        audio: audio::load(args)?,
        options: args.recognition.options(),
        streams_per_connection: args.streams_per_connection.get(),
        resume: args.resume,
        threads: args.threads(),
        warm_up: args.warm_up,
        duration: args.duration,
    });
    let stop = Stop::default();
    stop.started();
    stop.listen()?;
    let steps = tokio::select! {
        steps = measure(&load, args, &stop) => steps?,
        leave = stop.leave() => return Err(Failure::Left(leave)),
    };
    if args.json {
        report::json::write_end(&mut anstream::stdout(), args, &steps)?;
    } else {
        report::table::write(&mut anstream::stdout(), args, &steps)?;
    }
    if let Some(path) = &args.plot {
        report::plot::write(path, args, &steps).map_err(|source| Failure::file(path, source))?;
    }
    judge(steps, args.max_lag)
}

/// Runs step after step until one is too much, or the user wants to stop.
async fn measure(load: &Arc<Load>, args: &BenchArgs, stop: &Stop) -> Result<Vec<Step>, Failure> {
    let mut server = server_probe(args).await?;
    let mut client = Probe::process(std::process::id()).ok();
    let progress = ProgressBar::new_spinner();
    progress.enable_steady_tick(Duration::from_millis(200));
    let mut steps = Vec::new();
    for streams in args.steps() {
        let observer = Observer {
            stop,
            progress: &progress,
            server: server.as_mut(),
            client: client.as_mut(),
        };
        let mut step = step::run(load, streams, observer).await?;
        let opened = step.tally.opened;
        if let Some(error) = step
            .tally
            .first_error
            .take_if(|_| steps.is_empty() && opened == 0)
        {
            return Err(error.into());
        }
        if args.json {
            report::json::write_step(&mut anstream::stdout(), args, &step)?;
        }
        let goes_on = step.is_within(args.max_lag) && !stop.is_pressed();
        steps.push(step);
        if !goes_on {
            break;
        }
    }
    progress.finish_and_clear();
    Ok(steps)
}

/// Looks at the server once, to say now if it can't be seen.
async fn server_probe(args: &BenchArgs) -> Result<Option<Probe>, Failure> {
    let mut probe = match (args.server_pid, &args.metrics_url) {
        (Some(id), _) => Probe::process(id)?,
        (None, Some(address)) => Probe::Metrics(address.clone()),
        (None, None) => return Ok(None),
    };
    match probe.sample().await {
        Ok(_) => Ok(Some(probe)),
        Err(source) => Err(Failure::Unseen {
            what: probe.to_string(),
            source,
        }),
    }
}

/// What the exit code says of it all: how the first step went. What ends a ramp later on
/// is what it was to find, unless the server was lost.
fn judge(mut steps: Vec<Step>, max_lag: Duration) -> Result<(), Failure> {
    let is_ramp = steps.len() > 1;
    let Some(last) = steps.last_mut() else {
        return Ok(());
    };
    let tally = &mut last.tally;
    if tally.is_lost() || (tally.failures() > 0 && !is_ramp) {
        return Err(Failure::StreamsFailed {
            failed: tally.failures(),
            streams: last.streams,
            statuses: report::statuses(tally),
            first: tally.first_error.take().map(Box::new),
        });
    }
    let first = &steps[0];
    if first.interrupted {
        return Ok(());
    }
    if first.tally.lag.len() == 0 {
        return Err(Failure::NothingMeasured);
    }
    let lag = first.tally.lag.percentile(99.0);
    if lag > max_lag {
        return Err(Failure::Lagging {
            streams: first.streams,
            lag,
            max_lag,
        });
    }
    Ok(())
}

/// Raises the limit of open files as far as it may be: each connection is one.
#[cfg(unix)]
fn allow_many_connections() {
    use rustix::process::{Resource, getrlimit, setrlimit};

    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where that isn't allowed, a connection too many says so.
    let _ = setrlimit(Resource::Nofile, limit);
}

#[cfg(not(unix))]
fn allow_many_connections() {}
