//! `ser-client stream`: audio out, emotions in, both at once.

use ser_client::{
    AudioSink, Error, Event, ResultStream,
    audio::{AudioSource, Oddity},
    proto::{GoAway, StreamingConfig},
};
use tokio::sync::watch;

use super::interrupt;
use crate::{
    cli::{Connection, Input, StreamArgs},
    failure::Failure,
    output::{self, Output},
};

pub(crate) async fn run(connection: &Connection, args: &StreamArgs) -> Result<(), Failure> {
    let source = match args.input()? {
        Input::File(path, pacing) => AudioSource::file(&path, args.chunk, pacing)?,
        Input::StandardInput(format) => AudioSource::standard_input(format, args.chunk),
    };
    let config = StreamingConfig {
        audio: Some(source.format()),
        options: Some(args.recognition.options()),
        pace: args.pace().into(),
    };
    let client = super::connect(connection).await?;
    let (sink, results) = client.stream(config).await?;

    let (stop, stopped) = interrupt::watch()?;
    let mut output = output::choose(args.json);
    output.started(results.started())?;
    let left_off = converse(feed(source, sink, stopped), results, output.as_mut(), &stop).await?;
    match left_off {
        None => Ok(()),
        Some(go_away) => Err(Failure::ServerStopping {
            server: connection.server.clone(),
            reason: go_away.reason,
        }),
    }
}

/// Sends and shows until the server has said everything. Gives what made the
/// server stop before all audio was sent.
async fn converse(
    feed: impl Future<Output = Result<Fed, Error>>,
    mut results: ResultStream,
    output: &mut dyn Output,
    stop: &watch::Sender<bool>,
) -> Result<Option<GoAway>, Failure> {
    tokio::pin!(feed);
    let mut fed = None;
    let mut going_away = None;
    let mut shown = false;
    loop {
        let failure = if shown {
            Failure::Midway
        } else {
            Failure::Client
        };
        let event = tokio::select! {
            outcome = &mut feed, if fed.is_none() => {
                fed = Some(outcome.map_err(failure)?);
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
                stop.send_replace(true);
                going_away = Some(go_away);
            }
            _ => {}
        }
    }
    Ok(going_away.filter(|_| fed != Some(Fed::Everything)))
}

/// How much of the audio was sent.
#[derive(Debug, PartialEq)]
enum Fed {
    Everything,
    UntilStopped,
}

/// Sends all of `source`, or what there is of it until `stopped`, and
/// half-closes.
async fn feed(
    mut source: AudioSource,
    mut sink: AudioSink,
    mut stopped: watch::Receiver<bool>,
) -> Result<Fed, Error> {
    let send = async {
        loop {
            let chunk = source.next_chunk().await?;
            if let Some(oddity) = source.take_oddity() {
                warn_of(oddity);
            }
            match chunk {
                Some(chunk) => sink.send(chunk).await?,
                None => return Ok(Fed::Everything),
            }
        }
    };
    let sent = tokio::select! {
        biased;
        _ = stopped.wait_for(|stopped| *stopped) => Ok(Fed::UntilStopped),
        sent = send => sent,
    };
    match sent {
        // The stream of results knows why.
        Err(Error::Ended) => Ok(Fed::UntilStopped),
        sent => sent,
    }
}

fn warn_of(oddity: Oddity) {
    match oddity {
        Oddity::FileHeader(marker) => anstream::eprintln!(
            "warning: standard input begins with {marker}, so the header of a file is heard as \
             sound; give the name of the file, or pipe raw audio"
        ),
        Oddity::LeftOver(bytes) => anstream::eprintln!(
            "warning: standard input ends inside a sample; {bytes} byte{} left out",
            if bytes == 1 { "" } else { "s" }
        ),
    }
}
