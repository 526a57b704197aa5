//! From one attempt to the next, until a stream has said everything.

use std::{sync::Arc, time::Duration};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use futures_util::future::{BoxFuture, FutureExt, OptionFuture};
use ser_proto::v1::{
    ChannelPolicy, EmotionResult, GoAway, GoAwayCode, StreamWarning, StreamingConfig,
    streaming_recognize_response::Response,
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};
use tonic::Code;

use super::{
    Event, Resumed,
    attempt::{self, Attempt},
    kept::Kept,
};
use crate::{Client, Error};

/// Between attempts that start and come to nothing. The first is made at once.
const PAUSES: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(20))
    .with_max_delay(Duration::from_secs(2))
    .with_jitter()
    .without_max_times();

/// Warnings that are known to have been told. No server has so many to tell.
const MOST_WARNINGS: usize = 64;

/// What reads a stream's results, wherever they come from.
pub(super) struct Resuming {
    client: Client,
    kept: Arc<Kept>,
    /// What the first server accepted.
    config: StreamingConfig,
    /// Whether the user wants the checkpoints, too.
    shows_checkpoints: bool,
    events: mpsc::Sender<Result<Event, Error>>,
    /// The sequence of the next result to be given.
    results: u64,
    /// What was warned of, of which channel.
    warned: Vec<(i32, Option<u32>)>,
    /// Channels whose summary was given.
    summarised: Vec<Option<u32>>,
    trouble: Option<Trouble>,
}

/// Attempts that broke since the last result.
struct Trouble {
    since: Instant,
    pauses: ExponentialBackoff,
}

/// A stream that has left a server before that stopped.
struct Moved {
    to: Attempt,
    reason: String,
}

/// The next attempt, on its way.
type Opening = BoxFuture<'static, Result<Attempt, Error>>;

impl Resuming {
    pub(super) fn new(
        client: Client,
        kept: Arc<Kept>,
        config: StreamingConfig,
        shows_checkpoints: bool,
        events: mpsc::Sender<Result<Event, Error>>,
    ) -> Self {
        Self {
            client,
            kept,
            config,
            shows_checkpoints,
            events,
            results: 0,
            warned: Vec::new(),
            summarised: Vec::new(),
            trouble: None,
        }
    }

    /// Gives out everything until the summaries, or the error that ended the stream.
    pub(super) async fn run(mut self, first: Attempt) {
        if let Err(error) = self.go_on(first).await {
            // Where nobody listens any more, nobody is told.
            let _ = self.events.send(Err(error)).await;
        }
    }

    async fn go_on(&mut self, mut attempt: Attempt) -> Result<(), Error> {
        loop {
            let left = attempt.server().to_owned();
            let (next, reason, gap) = match self.follow(&mut attempt).await {
                Ok(None) => return Ok(()),
                Ok(Some(Moved { to, reason })) => (to, reason, Duration::ZERO),
                Err(error) if self.is_complete() && error.may_pass() => return Ok(()),
                Err(error) if self.may_resume(&error) => {
                    let broke = Instant::now();
                    let started = attempt.since;
                    // Nothing more is sent there.
                    drop(attempt);
                    let reason = error.to_string();
                    let next = self.resume(error, started).await?;
                    (next, reason, broke.elapsed())
                }
                Err(error) => return Err(error),
            };
            attempt = next;
            let resumed = Resumed {
                left,
                reason,
                server: attempt.server().to_owned(),
                exact: attempt.started.exact.unwrap_or_default(),
                gap,
            };
            self.give(Event::Resumed(resumed)).await?;
        }
    }

    /// Gives out what `attempt` says, to its end. When its server is about to stop, opens
    /// the next one beside it, and ends as soon as that has started.
    async fn follow(&mut self, attempt: &mut Attempt) -> Result<Option<Moved>, Error> {
        let mut moving: Option<Opening> = None;
        let mut reason = String::new();
        loop {
            let response = tokio::select! {
                biased;
                Some(opened) = OptionFuture::from(moving.as_mut()) => {
                    match opened {
                        Ok(to) => return Ok(Some(Moved { to, reason })),
                        // This one may yet say everything. If not, it is tried again.
                        Err(_) => moving = None,
                    }
                    continue;
                }
                response = attempt.next() => response?,
            };
            let Some(response) = response else {
                return match self.is_complete() {
                    true => Ok(None),
                    false => Err(attempt.unexpected("the end of the stream", "a summary")),
                };
            };
            let event = match response {
                Response::GoAway(go_away) if self.resumes() => {
                    // After the half-close little is left to be said, and there is time.
                    if moving.is_none() && !self.kept.is_half_closed() {
                        reason = format!(
                            "{} asks the stream to leave ({})",
                            attempt.server(),
                            go_away.reason
                        );
                        moving = Some(self.moving(attempt, &go_away));
                    }
                    None
                }
                response => self.event(attempt, response)?,
            };
            if let Some(event) = event {
                self.give(event).await?;
                attempt.listen_anew();
            }
        }
    }

    /// What is new in `response`.
    fn event(&mut self, attempt: &Attempt, response: Response) -> Result<Option<Event>, Error> {
        Ok(match response {
            Response::Result(result) => self.result(attempt, result)?.map(Event::Result),
            Response::Warning(warning) => self.is_news(&warning).then_some(Event::Warning(warning)),
            Response::Summary(summary) => {
                let is_news = !self.summarised.contains(&summary.channel);
                if is_news {
                    self.summarised.push(summary.channel);
                    self.trouble = None;
                }
                is_news.then_some(Event::Summary(summary))
            }
            Response::GoAway(go_away) => Some(Event::GoAway(go_away)),
            Response::Started(_) => unreachable!("an attempt starts once"),
        })
    }

    /// `result`, unless the server before gave it while this one started.
    fn result(
        &mut self,
        attempt: &Attempt,
        mut result: EmotionResult,
    ) -> Result<Option<EmotionResult>, Error> {
        if result.sequence < self.results {
            return Ok(None);
        }
        let told = self.kept.told(&result);
        told.map_err(|got| attempt.unexpected(got, "a result that can be resumed after"))?;
        self.results = result.sequence + 1;
        self.trouble = None;
        if !self.shows_checkpoints {
            result.checkpoint.clear();
        }
        Ok(Some(result))
    }

    /// Whether it wasn't told before: a server can't know what was told after the last
    /// result.
    fn is_news(&mut self, warning: &StreamWarning) -> bool {
        let about = (warning.code, warning.channel);
        let is_news = !self.warned.contains(&about);
        if is_news && self.warned.len() < MOST_WARNINGS {
            self.warned.push(about);
        }
        is_news
    }

    async fn give(&self, event: Event) -> Result<(), Error> {
        let given = self.events.send(Ok(event)).await;
        given.map_err(|_| Error::Ended)
    }

    fn resumes(&self) -> bool {
        !self.client.timeouts.resume.is_zero()
    }

    fn may_resume(&self, error: &Error) -> bool {
        let is_passing = match error {
            // What it waited for was on its way.
            Error::KeptWaiting { .. } => self.kept.waiting_since().is_some(),
            error => error.may_pass(),
        };
        self.resumes() && is_passing
    }

    /// Whether there is nothing more to be said.
    fn is_complete(&self) -> bool {
        let options = self.config.options.as_ref();
        let channels = match options.map(|options| options.channels()) {
            Some(ChannelPolicy::Separate) => self.config.audio.map_or(1, |audio| audio.channels),
            _ => 1,
        };
        self.summarised.len() >= channels as usize
    }

    /// Another attempt, in place of one that had `started` and that `error` broke.
    async fn resume(&mut self, error: Error, started: Instant) -> Result<Attempt, Error> {
        let limit = self.client.timeouts.resume;
        // Whatever had long been well again is new trouble.
        let kept_silent = matches!(error, Error::Silent { .. });
        if !kept_silent && started.elapsed() >= limit {
            self.trouble = None;
        }
        let (since, pause) = match &mut self.trouble {
            Some(trouble) => (trouble.since, trouble.pauses.next().unwrap_or_default()),
            None => {
                let (since, pauses) = (Instant::now(), PAUSES.build());
                self.trouble = Some(Trouble { since, pauses });
                (since, Duration::ZERO)
            }
        };
        let left = limit.saturating_sub(since.elapsed());
        if pause >= left {
            return Err(self.not_resumed(since, error));
        }
        sleep(pause).await;
        let opened = self.open(left - pause).await;
        opened.map_err(|last| self.not_resumed(since, last))
    }

    fn not_resumed(&self, since: Instant, last: Error) -> Error {
        let format = self.config.audio.unwrap_or_default();
        Error::NotResumed {
            last: Box::new(last),
            tried: since.elapsed(),
            lost: self.kept.unheard(&format),
        }
    }

    /// Another attempt, as soon as the server wishes that `attempt` has.
    fn moving(&self, attempt: &Attempt, go_away: &GoAway) -> Opening {
        let time = |time: Option<prost_types::Duration>| {
            Duration::try_from(time.unwrap_or_default()).unwrap_or_default()
        };
        let time_left = time(go_away.time_left);
        if go_away.code() != GoAwayCode::StreamAge {
            attempt.stops(time_left);
        }
        let pause = time(go_away.reconnect_after).min(time_left);
        let opening = self.open(self.client.timeouts.resume);
        async move {
            sleep(pause).await;
            opening.await
        }
        .boxed()
    }

    /// An attempt that goes on where the results have come to, on the first server that
    /// can, within `limit`.
    fn open(&self, limit: Duration) -> impl Future<Output = Result<Attempt, Error>> + 'static {
        let client = self.client.clone();
        let (kept, mut config) = (Arc::clone(&self.kept), self.config.clone());
        config.checkpoints = true;
        async move {
            let timeouts = client.timeouts;
            let attempt = client.call(limit, |connection| {
                let (kept, config) = (Arc::clone(&kept), config.clone());
                async move {
                    let server = connection.clone();
                    let opened = attempt::open(connection, timeouts, config, true, kept).await;
                    opened.map_err(|error| match error {
                        // Others may have what this one lacks, such as a model.
                        Error::Rejected {
                            code: Code::FailedPrecondition,
                            message,
                        } => server.lacks(message),
                        error => error,
                    })
                }
            });
            attempt.await
        }
    }
}

impl Drop for Resuming {
    fn drop(&mut self) {
        self.kept.end();
    }
}
