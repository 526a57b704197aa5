//! Streams: audio in, results out, from one server or from several in turn.
//!
//! The [`sink`] puts audio into what is [`kept`], a [`replay`] of the last of it and where
//! results have come to. An [`attempt`] is one call to one server, which is sent what is
//! kept. [`resuming`] goes from one attempt to the next until everything is said, sees to
//! it that each result is given once, and hands it to [`results`].

mod attempt;
mod kept;
mod replay;
mod results;
mod resuming;
mod sink;

use std::{sync::Arc, time::Duration};

use ser_proto::v1::{EmotionResult, GoAway, StreamSummary, StreamWarning, StreamingConfig};
use tokio::{sync::mpsc, task::JoinSet};

use self::{kept::Kept, resuming::Resuming};
pub use self::{results::ResultStream, sink::AudioSink};
use crate::{Client, Error};

/// The most audio bytes in one request. The protocol allows 128 KiB.
const MAX_REQUEST_BYTES: usize = 64 * 1024;

/// Events that wait to be read. Few, so that flow control reaches a server whose results
/// nobody takes.
const EVENTS: usize = 16;

/// What a server says while a stream runs.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// The emotion of one window.
    Result(EmotionResult),
    /// Something is not as it should be, and recognition goes on.
    Warning(StreamWarning),
    /// The server is about to stop: only a half-close now still gets the summary. Never
    /// told of a stream that is resumed elsewhere by itself.
    GoAway(GoAway),
    /// Another server goes on with the stream. No result is lost or repeated.
    Resumed(Resumed),
    /// The whole of one channel, after the half-close.
    Summary(StreamSummary),
}

/// How a stream came to another server, or back to the same.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Resumed {
    /// The server that had the stream, as [`ResultStream::server`] names it.
    pub left: String,
    /// Why it has it no longer.
    pub reason: String,
    /// The server that goes on.
    pub server: String,
    /// Whether results are those that the stream would have given undisturbed, to the
    /// bit. Otherwise probabilities agree within 1e-5.
    pub exact: bool,
    /// How long no server had the stream. 0 when the next had it before the last one let
    /// go of it.
    pub gap: Duration,
}

/// Opens a stream on the first server that accepts it.
pub(crate) async fn open(
    client: &Client,
    mut config: StreamingConfig,
) -> Result<(AudioSink, ResultStream), Error> {
    let resumes = !client.timeouts.resume.is_zero();
    let kept = Arc::new(Kept::new(&config, resumes));
    let asked_for_checkpoints = config.checkpoints;
    config.checkpoints |= resumes;
    let attempt = client.call(client.timeouts.connect, |connection| {
        let kept = Arc::clone(&kept);
        attempt::open(connection, client.timeouts, config.clone(), false, kept)
    });
    let attempt = attempt.await?;
    let effective = attempt.started.effective.clone().unwrap_or_default();
    kept.bound(&effective);

    let mut started = attempt.started.clone();
    if let Some(effective) = &mut started.effective {
        effective.checkpoints &= asked_for_checkpoints;
    }
    let server = attempt.server().to_owned();
    let sink = AudioSink(Arc::clone(&kept));
    let (events, said) = mpsc::channel(EVENTS);
    let resuming = Resuming::new(
        client.clone(),
        kept,
        effective,
        asked_for_checkpoints,
        events,
    );
    let mut reading = JoinSet::new();
    reading.spawn(resuming.run(attempt));
    let results = ResultStream {
        server,
        started,
        events: said,
        _reading: reading,
    };
    Ok((sink, results))
}
