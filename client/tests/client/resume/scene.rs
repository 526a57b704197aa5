//! A stream, its servers, and what is to become of them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use ser_client::{
    AudioSink, Client, Error, Event, ResultStream, Resumed, Timeouts,
    proto::{
        AudioFormat, ChannelPolicy, EmotionResult, Encoding, GoAway, GoAwayCode,
        RecognitionOptions, StreamSummary, StreamingConfig, streaming_recognize_request::Request,
        streaming_recognize_response::Response,
    },
};
use tokio::sync::{mpsc, watch};
use tonic::Status;

use crate::support::{
    fake::{Call, FakeServer},
    recogniser::{HOP, Recogniser},
};

/// Frames of a stream: its last result is of less than a hop.
const FRAMES: u64 = 20 * HOP + 300;

/// How audio is sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Pace {
    /// A hop at a time, once the results of the one before have come.
    Live,
    /// As fast as it goes.
    AtOnce,
}

/// What becomes of one attempt.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fate {
    pub(super) when: When,
    pub(super) how: How,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum When {
    /// Before the config is accepted.
    Config,
    /// Before anything is heard.
    Started,
    /// After so many frames in this attempt.
    Heard(u64),
    /// After so many results in all attempts.
    Given(u64),
    HalfClosed,
    /// After so many summaries in this attempt.
    Summary(usize),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum How {
    Unavailable,
    /// The server is killed, with all its connections.
    Killed,
    Silent,
    /// It says that the stream must leave so much later, and goes on.
    GoesAway {
        after: Duration,
    },
    /// It says that the stream must leave in a minute, and stops.
    SaysSoTooLate,
    WithoutModel,
}

#[derive(Clone, Debug)]
pub(super) struct Scene {
    pub(super) pace: Pace,
    pub(super) channels: u32,
    pub(super) chunk: usize,
    pub(super) silence: Duration,
    pub(super) checkpoints: bool,
    /// Resumptions to be waited for halfway.
    pub(super) waits_for: usize,
    pub(super) fates: Vec<Fate>,
}

/// What the user of a stream saw.
#[derive(Debug)]
pub(super) struct Transcript {
    pub(super) effective: StreamingConfig,
    pub(super) results: Vec<EmotionResult>,
    pub(super) summaries: Vec<StreamSummary>,
    pub(super) warnings: usize,
    pub(super) resumed: Vec<Resumed>,
    pub(super) error: Option<String>,
}

impl Scene {
    pub(super) fn new(pace: Pace, channels: u32) -> Self {
        Self {
            pace,
            channels,
            chunk: 1_001,
            silence: Duration::from_secs(30),
            checkpoints: false,
            waits_for: 0,
            fates: Vec::new(),
        }
    }

    /// The same with what becomes of the first attempts.
    pub(super) fn fated(&self, fates: impl IntoIterator<Item = Fate>) -> Self {
        Self {
            fates: fates.into_iter().collect(),
            ..self.clone()
        }
    }

    pub(super) fn undisturbed(&self) -> Self {
        Self {
            waits_for: 0,
            ..self.fated([])
        }
    }

    /// The user's config.
    pub(super) fn config(&self) -> StreamingConfig {
        let policy = match self.channels {
            1 => ChannelPolicy::Mix,
            _ => ChannelPolicy::Separate,
        };
        StreamingConfig {
            audio: Some(AudioFormat {
                encoding: Encoding::S16le.into(),
                sample_rate: 8_000,
                channels: self.channels,
            }),
            options: Some(RecognitionOptions {
                channels: policy.into(),
                ..RecognitionOptions::default()
            }),
            checkpoints: self.checkpoints,
            ..StreamingConfig::default()
        }
    }

    /// Starts a server for each fate and one more, each of which is killed at most once.
    pub(super) async fn play(&self) -> Transcript {
        let attempts = Arc::new(AtomicUsize::new(0));
        let (kill, mut killed) = mpsc::unbounded_channel();
        let servers = (0..=self.fates.len()).map(|index| {
            let (attempts, kill, fates) = (attempts.clone(), kill.clone(), self.fates.clone());
            FakeServer::start(move |call| {
                let attempt = attempts.fetch_add(1, Ordering::SeqCst);
                let (fate, kill) = (fates.get(attempt).copied(), kill.clone());
                async move {
                    Script { call, fate }
                        .play(|| kill.send(index).unwrap())
                        .await
                }
            })
        });
        let mut servers: Vec<_> = servers.map(Some).collect();
        let addresses = servers.iter().flatten().map(|server| &server.address);
        let client = Client::builder(addresses).timeouts(Timeouts {
            silence: self.silence,
            connect: Duration::from_secs(30),
            resume: Duration::from_secs(30),
            ..Timeouts::default()
        });
        let client = client.connect().await.unwrap();
        let (sink, results) = client.stream(self.config()).await.unwrap();
        let seen = watch::Sender::new(Seen::default());
        let killing = async {
            while let Some(index) = killed.recv().await {
                servers[index] = None;
            }
        };
        let conversation = async {
            let (sent, transcript) = tokio::join!(
                self.speak(sink, seen.subscribe()),
                listen(results, self.channels, &seen)
            );
            // Whoever listens was told why it ended.
            assert!(matches!(sent, Ok(()) | Err(Error::Ended)), "{sent:?}");
            transcript
        };
        tokio::select! {
            transcript = conversation => transcript,
            () = killing => unreachable!("the servers can kill"),
        }
    }

    async fn speak(
        &self,
        mut sink: AudioSink,
        mut seen: watch::Receiver<Seen>,
    ) -> Result<(), Error> {
        let hop = (HOP as usize) * 2 * self.channels as usize;
        let audio = noise(FRAMES * 2 * u64::from(self.channels));
        for (index, audio) in audio.chunks(hop).enumerate() {
            for chunk in audio.chunks(self.chunk) {
                sink.send(Bytes::copy_from_slice(chunk)).await?;
            }
            let end = match self.pace {
                Pace::Live if audio.len() == hop => (index as u64 + 1) * HOP,
                _ => 0,
            };
            let resumed = if index == 10 { self.waits_for } else { 0 };
            let enough = |seen: &Seen| seen.over || (seen.end >= end && seen.resumed >= resumed);
            let _ = seen.wait_for(enough).await;
        }
        Ok(())
    }
}

/// How far a stream has come.
#[derive(Debug, Default)]
struct Seen {
    /// Where the last result of the last channel ends.
    end: u64,
    resumed: usize,
    over: bool,
}

/// Notes everything.
async fn listen(
    mut results: ResultStream,
    channels: u32,
    seen: &watch::Sender<Seen>,
) -> Transcript {
    let mut transcript = Transcript {
        effective: results.started().effective.clone().unwrap(),
        results: Vec::new(),
        summaries: Vec::new(),
        warnings: 0,
        resumed: Vec::new(),
        error: None,
    };
    loop {
        match results.next().await {
            Ok(Some(Event::Result(result))) => {
                if result.channel.unwrap_or_default() + 1 == channels {
                    seen.send_modify(|seen| seen.end = result.end_sample);
                }
                transcript.results.push(result);
            }
            Ok(Some(Event::Warning(_))) => transcript.warnings += 1,
            Ok(Some(Event::Resumed(resumed))) => {
                assert_eq!(results.server(), resumed.server);
                seen.send_modify(|seen| seen.resumed += 1);
                transcript.resumed.push(resumed);
            }
            Ok(Some(Event::Summary(summary))) => transcript.summaries.push(summary),
            Ok(Some(other)) => panic!("{other:?}"),
            Ok(None) => return transcript,
            Err(error) => {
                transcript.error = Some(error.to_string());
                seen.send_modify(|seen| seen.over = true);
            }
        }
    }
}

/// What one server does with one attempt.
struct Script {
    call: Call,
    fate: Option<Fate>,
}

impl Script {
    async fn play(mut self, kill: impl Fn()) {
        let config = self.call.config().await;
        let kill = &kill;
        if self.meets(When::Config, kill).await {
            return self.end().await;
        }
        let mut recogniser = Recogniser::new(&config);
        let started = Recogniser::started(&config);
        self.call.send(Response::Started(started)).await;
        if self.meets(When::Started, kill).await {
            return self.end().await;
        }
        let mut frames = 0;
        let frame_bytes = 2 * u64::from(config.audio.unwrap().channels);
        loop {
            loop {
                if let Some(warning) = recogniser.warning() {
                    self.call.send(Response::Warning(warning)).await;
                }
                if self.meets(When::Given(recogniser.sequence()), kill).await {
                    return self.end().await;
                }
                let Some(result) = recogniser.result() else {
                    break;
                };
                self.call.send(Response::Result(result)).await;
            }
            match self.call.request().await {
                Some(Request::Audio(audio)) => {
                    recogniser.hear(&audio);
                    frames += audio.len() as u64 / frame_bytes;
                    let due = |fate: Fate| matches!(fate.when, When::Heard(due) if due <= frames);
                    if let Some(fate) = self.fate.filter(|fate| due(*fate))
                        && self.meets(fate.when, kill).await
                    {
                        return self.end().await;
                    }
                }
                None => break,
                other => panic!("{other:?}"),
            }
        }
        if self.meets(When::HalfClosed, kill).await {
            return self.end().await;
        }
        recogniser.half_close();
        while let Some(result) = recogniser.result() {
            self.call.send(Response::Result(result)).await;
            if self.meets(When::Given(recogniser.sequence()), kill).await {
                return self.end().await;
            }
        }
        for (given, summary) in recogniser.summaries().into_iter().enumerate() {
            if self.meets(When::Summary(given), kill).await {
                return self.end().await;
            }
            self.call.send(Response::Summary(summary)).await;
        }
        let all = recogniser.summaries().len();
        if self.meets(When::Summary(all), kill).await {
            self.end().await;
        }
    }

    /// Whether the attempt's end has come.
    async fn meets(&mut self, now: When, kill: &impl Fn()) -> bool {
        let Some(fate) = self.fate.filter(|fate| fate.when == now) else {
            return false;
        };
        match fate.how {
            How::GoesAway { after } => {
                self.fate = None;
                self.call.send(go_away(after)).await;
                false
            }
            How::SaysSoTooLate => {
                self.call.send(go_away(Duration::from_secs(60))).await;
                true
            }
            How::Killed => {
                kill();
                true
            }
            _ => true,
        }
    }

    async fn end(self) {
        match self.fate.unwrap().how {
            How::Unavailable | How::SaysSoTooLate => {
                let stopped = Status::unavailable("server: shutting down");
                self.call.fail(stopped).await;
            }
            How::WithoutModel => {
                let unknown = "config.options.model: \"tess-lstm/1\" is not served";
                self.call.fail(Status::failed_precondition(unknown)).await;
            }
            How::Killed | How::Silent => {
                let _open = self.call;
                std::future::pending().await
            }
            How::GoesAway { .. } => unreachable!("it goes on"),
        }
    }
}

/// With a minute left.
fn go_away(after: Duration) -> Response {
    Response::GoAway(GoAway {
        time_left: Some(prost_types::Duration {
            seconds: 60,
            nanos: 0,
        }),
        reason: "upgrade".to_owned(),
        reconnect_after: Some(after.try_into().unwrap()),
        code: GoAwayCode::ShuttingDown.into(),
    })
}

/// The same for all streams, and never the same twice in one.
fn noise(bytes: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(7);
    (0..bytes).map(|_| random.u8(..)).collect()
}
