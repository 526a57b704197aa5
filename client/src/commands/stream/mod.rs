//! `ser-client stream`: audio out, emotions in, both at once.

mod feed;
mod source;

use ser_client::{
    AudioSink, Event, ResultStream,
    audio::AudioSource,
    proto::{GoAway, StreamingConfig},
};
use tokio::sync::mpsc;

use self::feed::{Fed, Progress};
use super::Stop;
use crate::{
    cli::{Connection, StreamArgs},
    failure::Failure,
    output::{self, Output},
};

pub(crate) async fn run(connection: &Connection, args: &StreamArgs) -> Result<(), Failure> {
    let source = source::open(args)?;
    let stop = Stop::default();
    let servers = connection.servers.join(", ");
    let mut output = output::choose(args.form(), &servers, &stop)?;
    stop.listen()?;
    let outcome = tokio::select! {
        outcome = recognise(connection, args, source, output.as_mut(), &stop) => outcome,
        leave = stop.leave() => Err(Failure::Left(leave)),
    };
    // Also after a failure: what was shown stays to be read.
    let left = output.leave();
    outcome?;
    Ok(left?)
}

/// Streams `source` from the connection to the summary.
async fn recognise(
    connection: &Connection,
    args: &StreamArgs,
    source: AudioSource,
    output: &mut dyn Output,
    stop: &Stop,
) -> Result<(), Failure> {
    let config = StreamingConfig {
        audio: Some(source.format()),
        options: Some(args.recognition.options()),
        pace: args.pace().into(),
    };
    let client = super::connect(connection).await?;
    let (sink, results) = client.stream(config).await?;
    stop.started();
    output.started(results.started())?;
    let server = results.server().to_owned();
    match converse(source, sink, results, output, stop).await? {
        None => Ok(()),
        Some(go_away) => Err(Failure::ServerStopping {
            server,
            reason: go_away.reason,
        }),
    }
}

/// Sends and shows until the server has said everything. Gives what made the
/// server stop before all audio was sent.
async fn converse(
    source: AudioSource,
    sink: AudioSink,
    mut results: ResultStream,
    output: &mut dyn Output,
    stop: &Stop,
) -> Result<Option<GoAway>, Failure> {
    let (progress, mut news) = mpsc::channel(feed::NEWS);
    let feed = feed::run(source, sink, stop, progress);
    let pressed = stop.pressed();
    tokio::pin!(feed, pressed);
    let mut fed = None;
    let mut told = false;
    let mut going_away = None;
    let mut shown = false;
    loop {
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
            event = results.next() => event.map_err(failure)?,
        };
        let Some(event) = event else { break };
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
    Ok(going_away.filter(|_| fed != Some(Fed::Everything)))
}

fn show(output: &mut dyn Output, news: Progress) -> Result<(), Failure> {
    match news {
        Progress::Sent { audio, due } => output.sent(&audio, due),
        Progress::Odd(oddity) => output.caution(&source::describe(oddity))?,
    }
    Ok(())
}
