//! What one stream of a null server says.

use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use ser_proto::v1::{
    AudioFormat, EmotionResult, Encoding, GoAway, GoAwayCode, Model, StreamStarted, StreamSummary,
    StreamingConfig, StreamingRecognizeRequest, StreamingRecognizeResponse, Trigger, Verdict,
    streaming_recognize_request::Request as Asked, streaming_recognize_response::Response as Said,
};
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_stream::Stream;
use tonic::{Status, Streaming};

use super::{Behaviour, Open};

/// How long after its end a result can be computed, as the null server declares it.
pub const ALGORITHMIC_DELAY: Duration = Duration::from_millis(10);

/// What becomes of a stream, each after so much of its audio.
#[derive(Clone, Copy)]
pub(super) struct Fate {
    /// It breaks off.
    pub(super) breaks: Option<Duration>,
    /// It must leave, and goes on meanwhile.
    pub(super) goes_away: Option<Duration>,
}

/// One stream, audio in, results out: no task, no channel, nothing to copy.
pub(super) struct Answers {
    behaviour: Behaviour,
    fate: Fate,
    open: Open,
    requests: Streaming<StreamingRecognizeRequest>,
    half_closed: bool,
    format: AudioFormat,
    frame_bytes: u64,
    received_bytes: u64,
    results: u64,
    /// Where the last result ended.
    end: Duration,
    /// What is to be said, and when.
    queue: VecDeque<(Instant, StreamingRecognizeResponse)>,
    timer: Pin<Box<Sleep>>,
    /// Until when nothing is read.
    pausing: Option<Pin<Box<Sleep>>>,
    paused: bool,
}

impl Answers {
    pub(super) fn new(
        behaviour: Behaviour,
        fate: Fate,
        open: Open,
        requests: Streaming<StreamingRecognizeRequest>,
        mut config: StreamingConfig,
    ) -> Result<Self, Status> {
        let format = config
            .audio
            .ok_or_else(|| Status::invalid_argument("config.audio: missing"))?;
        let sample_bytes = match format.encoding() {
            Encoding::F32le => 4,
            Encoding::S16le => 2,
            _ => 1,
        };
        let frame_bytes = sample_bytes * u64::from(format.channels.max(1));
        let resume = config.resume.take();
        let exact = resume.as_ref().map(|_| true);
        let resume = resume.unwrap_or_default();
        let hop = behaviour.hop;
        config.options.get_or_insert_default().hop = Some(proto(behaviour.hop));
        let started = StreamStarted {
            stream_id: "null".to_owned(),
            effective: Some(config),
            algorithmic_delay: Some(proto(ALGORITHMIC_DELAY)),
            numerics: String::new(),
            model: Some(Model::default()),
            exact,
        };
        let now = Instant::now();
        Ok(Self {
            behaviour,
            fate,
            open,
            requests,
            half_closed: false,
            format,
            frame_bytes,
            received_bytes: resume.replay_from_sample * frame_bytes,
            results: resume.results,
            // All but the last are whole hops long.
            end: hop * u32::try_from(resume.results).expect("a short stream"),
            queue: VecDeque::from([(now, said(Said::Started(started)))]),
            timer: Box::pin(sleep_until(now)),
            pausing: None,
            paused: false,
        })
    }

    /// Takes `bytes` of audio, and notes the results that they make computable.
    fn hear(&mut self, bytes: usize) {
        self.received_bytes += bytes as u64;
        let hop = self.behaviour.hop;
        while self.end + hop + ALGORITHMIC_DELAY <= self.received() {
            self.answer(self.end + hop, Trigger::Interval);
        }
        if let Some((audio, pause)) = self.behaviour.pause.filter(|_| !self.paused)
            && self.received() >= audio
        {
            self.paused = true;
            self.pausing = Some(Box::pin(sleep_until(Instant::now() + pause)));
        }
    }

    fn half_close(&mut self) {
        self.half_closed = true;
        let end = self.received();
        if end > self.end {
            self.answer(end, Trigger::EndOfStream);
        }
        let summary = StreamSummary {
            received: Some(proto(end)),
            received_samples: self.received_bytes / self.frame_bytes,
            results: self.results,
            ..StreamSummary::default()
        };
        self.say(Said::Summary(summary));
    }

    fn answer(&mut self, end: Duration, trigger: Trigger) {
        let samples = end.as_nanos() * u128::from(self.format.sample_rate);
        let result = EmotionResult {
            sequence: self.results,
            start: Some(proto(Duration::ZERO)),
            end: Some(proto(end)),
            new_start: Some(proto(self.end)),
            end_sample: u64::try_from(samples.div_ceil(1_000_000_000)).expect("a short stream"),
            verdict: Verdict::Emotion.into(),
            label: Some("neutral".to_owned()),
            trigger: trigger.into(),
            replay_from_sample: samples_before(end, self.format.sample_rate),
            ..EmotionResult::default()
        };
        self.results += 1;
        self.open.0.results.send_modify(|results| *results += 1);
        self.end = end;
        self.say(Said::Result(result));
    }

    fn say(&mut self, what: Said) {
        let at = Instant::now() + (self.behaviour.delay)(self.open.now());
        self.queue.push_back((at, said(what)));
    }

    /// Audio that has arrived.
    fn received(&self) -> Duration {
        let frames = self.received_bytes / self.frame_bytes;
        Duration::from_nanos(frames * 1_000_000_000 / u64::from(self.format.sample_rate))
    }

    /// Reads what has come; `Pending` when there is no more.
    fn poll_requests(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Status>> {
        while !self.half_closed {
            if let Some(pause) = &mut self.pausing {
                ready!(pause.as_mut().poll(context));
                self.pausing = None;
            }
            match ready!(Pin::new(&mut self.requests).poll_next(context)?) {
                Some(StreamingRecognizeRequest {
                    request: Some(Asked::Audio(audio)),
                }) => {
                    self.hear(audio.len());
                    let is_over = |after: Option<Duration>| {
                        after.is_some_and(|after| self.received() >= after)
                    };
                    if is_over(self.fate.goes_away) {
                        self.fate.goes_away = None;
                        self.say(Said::GoAway(go_away()));
                    } else if is_over(self.fate.breaks) {
                        return Poll::Ready(Err(Status::unavailable("server: shutting down")));
                    }
                }
                Some(_) => return Poll::Ready(Err(Status::invalid_argument("expected audio"))),
                None => self.half_close(),
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl Stream for Answers {
    type Item = Result<StreamingRecognizeResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Poll::Ready(Err(status)) = self.poll_requests(context) {
            return Poll::Ready(Some(Err(status)));
        }
        let Some((at, _)) = self.queue.front() else {
            return if self.half_closed {
                Poll::Ready(None)
            } else {
                Poll::Pending
            };
        };
        let at = *at;
        if at > Instant::now() {
            self.timer.as_mut().reset(at);
            ready!(self.timer.as_mut().poll(context));
        }
        Poll::Ready(self.queue.pop_front().map(|(_, said)| Ok(said)))
    }
}

fn said(response: Said) -> StreamingRecognizeResponse {
    StreamingRecognizeResponse {
        response: Some(response),
    }
}

fn proto(time: Duration) -> prost_types::Duration {
    time.try_into().expect("no longer than a stream")
}

/// To be followed at once.
fn go_away() -> GoAway {
    GoAway {
        time_left: Some(proto(Duration::from_secs(20))),
        reason: "upgrade".to_owned(),
        reconnect_after: None,
        code: GoAwayCode::ShuttingDown.into(),
    }
}

/// Whole samples in `time`.
fn samples_before(time: Duration, sample_rate: u32) -> u64 {
    let samples = time.as_nanos() * u128::from(sample_rate) / 1_000_000_000;
    u64::try_from(samples).expect("a short stream")
}
