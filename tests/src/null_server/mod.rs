//! A server that computes nothing: it speaks the protocol, counts the audio, and
//! answers each hop as soon as it has arrived, or later by a known time.

mod answers;

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use ser_proto::v1::{
    StreamingRecognizeRequest,
    speech_emotion_server::{SpeechEmotion, SpeechEmotionServer},
    streaming_recognize_request::Request as Asked,
};
use tokio::{net::TcpListener, sync::watch};
use tokio_stream::{StreamExt, wrappers::TcpListenerStream};
use tonic::{Request, Response, Status, Streaming, transport::Server};

pub use self::answers::ALGORITHMIC_DELAY;
use self::answers::{Answers, Fate};

/// What the null server does.
#[derive(Clone, Copy, Debug)]
pub struct Behaviour {
    /// From one result to the next.
    pub hop: Duration,
    /// How long each result is held back, given the number of open streams.
    pub delay: fn(usize) -> Duration,
    /// Further streams are refused with `RESOURCE_EXHAUSTED`.
    pub most_streams: usize,
    /// Further streams on a connection have to wait.
    pub most_streams_per_connection: Option<u32>,
    /// Whether a stream, given how many there were before, is refused with
    /// `UNAVAILABLE`.
    pub refused: fn(usize) -> bool,
    /// After how much audio it ends with `UNAVAILABLE`, if at all.
    pub broken: fn(usize) -> Option<Duration>,
    /// After how much audio it says that the stream must leave, if at all.
    pub goes_away: fn(usize) -> Option<Duration>,
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
            most_streams_per_connection: None,
            refused: |_| false,
            broken: |_| None,
            goes_away: |_| None,
            pause: None,
        }
    }
}

/// What came to a null server.
#[derive(Debug, Default)]
pub struct Traffic {
    connections: AtomicUsize,
    asked: AtomicUsize,
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
        .max_concurrent_streams(behaviour.most_streams_per_connection)
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
        let number = self.traffic.asked.fetch_add(1, Relaxed);
        if (self.behaviour.refused)(number) {
            return Err(Status::unavailable("server: loading models"));
        }
        let most = self.behaviour.most_streams;
        let open = Open::admit(&self.traffic, most).ok_or_else(|| {
            let message = format!("streams: {most} open; expected at most {most}, try again later");
            Status::resource_exhausted(message)
        })?;
        let mut requests = request.into_inner();
        let config = match requests.message().await?.and_then(|first| first.request) {
            Some(Asked::Config(config)) => config,
            _ => return Err(Status::invalid_argument("request 1: expected config")),
        };
        Ok(Response::new(Answers::new(
            self.behaviour,
            Fate {
                breaks: (self.behaviour.broken)(number),
                goes_away: (self.behaviour.goes_away)(number),
            },
            open,
            requests,
            config,
        )?))
    }
}

/// A stream that is open as long as this lives.
struct Open(Arc<Traffic>);

impl Open {
    /// Unless there are `most` already.
    fn admit(traffic: &Arc<Traffic>, most: usize) -> Option<Self> {
        let now = traffic.streams.fetch_add(1, Relaxed) + 1;
        // Dropped, it is not open.
        let open = Self(Arc::clone(traffic));
        if now > most {
            return None;
        }
        traffic.most_streams.fetch_max(now, Relaxed);
        Some(open)
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
