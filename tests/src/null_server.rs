//! A server that computes nothing: it speaks the protocol, counts the audio, and
//! answers each hop as soon as it has arrived, or later by a known time.

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use ser_proto::v1::{
    AudioFormat, EmotionResult, Encoding, Model, StreamStarted, StreamSummary, StreamingConfig,
    StreamingRecognizeRequest, StreamingRecognizeResponse, Trigger, Verdict,
    speech_emotion_server::{SpeechEmotion, SpeechEmotionServer},
    streaming_recognize_request::Request as Asked,
    streaming_recognize_response::Response as Said,
};
use tokio::{
    net::TcpListener,
    sync::watch,
    time::{Instant, Sleep, sleep_until},
};
use tokio_stream::{Stream, StreamExt, wrappers::TcpListenerStream};
use tonic::{Request, Response, Status, Streaming, transport::Server};

/// How long after its end a result can be computed, as the null server declares it.
pub const ALGORITHMIC_DELAY: Duration = Duration::from_millis(10);

/// What the null server does.
#[derive(Clone, Copy, Debug)]
pub struct Behaviour {
    /// From one result to the next.
    pub hop: Duration,
    /// How long each result is held back, given the number of open streams.
    pub delay: fn(usize) -> Duration,
    /// Further streams are refused with `RESOURCE_EXHAUSTED`.
    pub most_streams: usize,
    /// Once in each stream, after so much audio, it reads nothing for the second of
    /// these.
    pub pause: Option<(Duration, Duration)>,
}

impl Default for Behaviour {
    /// Everything at once, for everybody, as often as the seed model.
    fn default() -> Self {
        Self {
            hop: Duration::from_micros(510_839),
            delay: |_| Duration::ZERO,
            most_streams: usize::MAX,
            pause: None,
        }
    }
}

/// What came to a null server.
#[derive(Debug, Default)]
pub struct Traffic {
    connections: AtomicUsize,
    streams: AtomicUsize,
    most_streams: AtomicUsize,
    results: watch::Sender<usize>,
}

impl Traffic {
    /// Connections so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.load(Relaxed)
    }

    /// The most streams that were open at once.
    #[must_use]
    pub fn most_streams(&self) -> usize {
        self.most_streams.load(Relaxed)
    }

    /// Waits until so many results were computed.
    pub async fn until_results(&self, results: usize) {
        let mut computed = self.results.subscribe();
        // It can't fail while `self` holds the sender.
        let _ = computed.wait_for(|computed| *computed >= results).await;
    }
}

/// Serves on `listener` until it is dropped.
///
/// # Errors
///
/// What the listener says.
pub async fn serve(
    listener: TcpListener,
    behaviour: Behaviour,
    traffic: Arc<Traffic>,
) -> Result<(), tonic::transport::Error> {
    let connections = Arc::clone(&traffic);
    let incoming = TcpListenerStream::new(listener).map(move |connection| {
        connections.connections.fetch_add(1, Relaxed);
        connection.inspect(|connection| {
            // Without it the test would measure the delay of acknowledgements.
            let _ = connection.set_nodelay(true);
        })
    });
    Server::builder()
        .add_service(SpeechEmotionServer::new(NullServer { behaviour, traffic }))
        .serve_with_incoming(incoming)
        .await
}

/// A null server in this process, on a free port. Stopped when dropped.
#[derive(Debug)]
pub struct InProcess {
    address: SocketAddr,
    /// What came to it.
    pub traffic: Arc<Traffic>,
    task: tokio::task::JoinHandle<Result<(), tonic::transport::Error>>,
}

impl InProcess {
    /// Starts one.
    ///
    /// # Errors
    ///
    /// When there is no port.
    pub async fn start(behaviour: Behaviour) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let traffic = Arc::new(Traffic::default());
        Ok(Self {
            address: listener.local_addr()?,
            traffic: Arc::clone(&traffic),
            task: tokio::spawn(serve(listener, behaviour, traffic)),
        })
    }

    /// Where it listens, as clients name it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct NullServer {
    behaviour: Behaviour,
    traffic: Arc<Traffic>,
}

#[tonic::async_trait]
impl SpeechEmotion for NullServer {
    type StreamingRecognizeStream = Answers;

    async fn streaming_recognize(
        &self,
        request: Request<Streaming<StreamingRecognizeRequest>>,
    ) -> Result<Response<Answers>, Status> {
        let open = Open::count(&self.traffic);
        let most = self.behaviour.most_streams;
        if open.now() > most {
            let message = format!("streams: {most} open; expected at most {most}, try again later");
            return Err(Status::resource_exhausted(message));
        }
        let mut requests = request.into_inner();
        let config = match requests.message().await?.and_then(|first| first.request) {
            Some(Asked::Config(config)) => config,
            _ => return Err(Status::invalid_argument("request 1: expected config")),
        };
        Ok(Response::new(Answers::new(
            self.behaviour,
            open,
            requests,
            config,
        )?))
    }
}

/// A stream that is open as long as this lives.
struct Open(Arc<Traffic>);

impl Open {
    fn count(traffic: &Arc<Traffic>) -> Self {
        let now = traffic.streams.fetch_add(1, Relaxed) + 1;
        traffic.most_streams.fetch_max(now, Relaxed);
        Self(Arc::clone(traffic))
    }

    fn now(&self) -> usize {
        self.0.streams.load(Relaxed)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Relaxed);
    }
}

/// One stream, audio in, results out: no task, no channel, nothing to copy.
struct Answers {
    behaviour: Behaviour,
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
    fn new(
        behaviour: Behaviour,
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
        config.options.get_or_insert_default().hop = Some(proto(behaviour.hop));
        let started = StreamStarted {
            stream_id: "null".to_owned(),
            effective: Some(config),
            algorithmic_delay: Some(proto(ALGORITHMIC_DELAY)),
            numerics: String::new(),
            model: Some(Model::default()),
        };
        let now = Instant::now();
        Ok(Self {
            behaviour,
            open,
            requests,
            half_closed: false,
            format,
            frame_bytes: sample_bytes * u64::from(format.channels.max(1)),
            received_bytes: 0,
            results: 0,
            end: Duration::ZERO,
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
                }) => self.hear(audio.len()),
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
