//! `ser-client stream`: audio out, emotions in, both at once.

mod feed;
mod source;
mod tape;

use ser_client::{
    Error, Event, ResultStream,
    audio::{AudioSource, Recorder},
    proto::{GoAway, StreamingConfig},
};
use tokio::sync::mpsc;

use self::{
    feed::{Fed, Progress},
    tape::Tape,
};
use super::{Mute, Stop};
use crate::{
    cli::{Connection, StreamArgs},
    failure::Failure,
    output::{self, Output},
};

pub(crate) async fn run(connection: &Connection, args: &StreamArgs) -> Result<(), Failure> {
    let source = source::open(args).await?;
    let stop = Stop::default();
    let mute = source::can_be_muted(&source).then(Mute::default);
    let servers = connection.servers.join(", ");
    let mut output = output::choose(args.form(), &servers, &stop, mute.as_ref())?;
    let mute = mute.unwrap_or_default();
    stop.listen()?;
    let mut tape = None;
    let outcome = tokio::select! {
        outcome = recognise(connection, args, source, &mut tape, output.as_mut(), &stop, &mute) => {
            outcome
        }
        leave = stop.leave() => Err(Failure::Left(leave)),
    };
    // Also of a stream that failed or was left.
    let recorded = match tape {
        Some(tape) => tape.end(&stop).await,
        None => Ok(()),
    };
    // Also after a failure: what was shown stays to be read.
    let left = output.leave();
    outcome?;
    recorded?;
    Ok(left?)
}

/// Streams `source` from the connection to the summary, and starts `tape` if it is wanted.
async fn recognise(
    connection: &Connection,
    args: &StreamArgs,
    source: AudioSource,
    tape: &mut Option<Tape>,
    output: &mut dyn Output,
    stop: &Stop,
    mute: &Mute,
) -> Result<(), Failure> {
    let config = StreamingConfig {
        audio: Some(source.format()),
        options: Some(args.recognition.options()),
        pace: args.pace().into(),
        ..StreamingConfig::default()
    };
    let format = source.format();
    let client = super::connect(connection).await?;
    let client = client.with_timeouts(args.resumption.within(connection.timeouts()));
    let (sink, results) = client.stream(config).await?;
    if let Some(path) = args.record.as_deref() {
        *tape = Some(Tape::start(path, Recorder::create(path, format)?)?);
    }
    stop.started();
    output.started(results.started())?;
    let server = results.server().to_owned();
    let feed = |progress| feed::run(source, sink, tape.as_mut(), stop, mute, progress);
    let ending = converse(feed, results, output, stop).await?;
    match (ending.cut_short, ending.trouble) {
        (Some(go_away), _) => Err(Failure::ServerStopping {
            server,
            reason: go_away.reason,
        }),
        (None, Some(trouble)) => Err(Failure::Summarised(trouble)),
        (None, None) => Ok(()),
    }
}

/// How a stream ended that has its summary.
struct Ending {
    /// What made the server stop before all audio was sent.
    cut_short: Option<GoAway>,
    /// What befell the audio meanwhile.
    trouble: Option<Error>,
}

/// Sends and shows until the server has said everything, and so has the feed.
async fn converse<F>(
    feed: impl FnOnce(mpsc::Sender<Progress>) -> F,
    mut results: ResultStream,
    output: &mut dyn Output,
    stop: &Stop,
) -> Result<Ending, Failure>
where
    F: Future<Output = Result<Fed, Error>>,
{
    let (progress, mut news) = mpsc::channel(feed::NEWS);
    let feed = feed(progress);
    let pressed = stop.pressed();
    tokio::pin!(feed, pressed);
    let mut fed = None;
    let mut told = false;
    let mut going_away = None;
    let (mut shown, mut over) = (false, false);
    while !over || fed.is_none() {
        let failure = if shown {
            Failure::Midway
        } else {
            Failure::Client
        };
        let event = tokio::select! {
            biased;
            Some(news) = news.recv() => {
                show(output, news)?;
                continue;
            }
            outcome = &mut feed, if fed.is_none() => {
                fed = Some(outcome.map_err(failure)?);
                output.half_closed();
                continue;
            }
            () = &mut pressed, if !told => {
                told = true;
                output.stopping()?;
                continue;
            }
            event = results.next(), if !over => event.map_err(failure)?,
        };
        let Some(event) = event else {
            over = true;
            stop.half_close();
            continue;
        };
        output.event(&event)?;
        match event {
            Event::Result(_) => shown = true,
            Event::GoAway(go_away) => {
                // Only a half-close now still gets the summary.
                stop.half_close();
                going_away = Some(go_away);
            }
            _ => {}
        }
    }
    while let Ok(news) = news.try_recv() {
        show(output, news)?;
    }
    let Fed { whole, trouble } = fed.unwrap_or_default();
    Ok(Ending {
        cut_short: going_away.filter(|_| !whole),
        trouble,
    })
}

fn show(output: &mut dyn Output, news: Progress) -> Result<(), Failure> {
    match news {
        Progress::Sent { audio, due } => output.sent(&audio, due),
        Progress::Odd(oddity) => output.caution(&source::describe(oddity))?,
        Progress::Unrecorded(why) => {
            output.caution(&format!("{why}; the stream goes on without it"))?;
        }
    }
    Ok(())
}
