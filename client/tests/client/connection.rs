//! Which server a call goes to, and what becomes of those that fail.

use std::{
    collections::{HashMap, HashSet},
    fmt, io,
    net::SocketAddr,
    num::NonZeroUsize,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use ser_client::{
    AudioSink, Client, Code, Error, Event, Resolution, Resolver, ResultStream, Timeouts, audio,
    proto::{RecognitionOptions, StreamingConfig, streaming_recognize_response::Response},
};
use tokio::sync::Semaphore;
use tokio_stream::StreamExt;
use tonic::Status;
use tonic_types::{ErrorDetails, StatusExt};

use crate::support::{
    fake::{Call, FakeServer, ReservedPort},
    messages,
    program::{Recording, patiently, run},
};

/// Accepts streams, and ends them with the summary after the half-close.
fn server() -> FakeServer {
    FakeServer::start(obliging)
}

async fn obliging(mut call: Call) {
    call.accept().await;
    call.rest().await;
    call.send(Response::Summary(messages::summary())).await;
}

/// Fails every stream with `status`.
fn server_that_says(status: Status) -> FakeServer {
    FakeServer::start(move |call| {
        let status = status.clone();
        async move { call.fail(status).await }
    })
}

fn full_for(time: Duration) -> Status {
    let details = ErrorDetails::with_retry_info(Some(time));
    Status::with_error_details(Code::ResourceExhausted, "streams: 8 open", details)
}

fn ip(address: &str) -> SocketAddr {
    address.strip_prefix("http://").unwrap().parse().unwrap()
}

async fn connect(servers: &[&str]) -> Client {
    let connected = Client::builder(servers.iter().copied()).connect();
    patiently(connected).await.unwrap()
}

async fn stream(client: &Client) -> Result<(AudioSink, ResultStream), Error> {
    patiently(client.stream(StreamingConfig::default())).await
}

/// How many of `streams` each server gets.
async fn spread(client: &Client, streams: usize) -> HashMap<String, usize> {
    let mut spread = HashMap::new();
    for _ in 0..streams {
        let (_, results) = stream(client).await.unwrap();
        *spread.entry(results.server().to_owned()).or_default() += 1;
    }
    spread
}

/// Knows what a test lets it know.
#[derive(Clone, Default)]
struct Registry(Arc<Mutex<Vec<SocketAddr>>>);

impl Registry {
    fn of(servers: &[&FakeServer]) -> Self {
        let registry = Self::default();
        registry.set(servers);
        registry
    }

    fn set(&self, servers: &[&FakeServer]) {
        *self.0.lock().unwrap() = servers.iter().map(|server| ip(&server.address)).collect();
    }
}

impl Resolver for Registry {
    fn resolve<'a>(&'a self, name: &'a str, _: u16) -> Resolution<'a> {
        let known = self.0.lock().unwrap().clone();
        Box::pin(async move {
            if name == "ser" {
                Ok(known)
            } else {
                Err(io::Error::other(format!("{name} is unknown")))
            }
        })
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Registry")
    }
}

#[tokio::test]
async fn streams_go_round_all_servers() {
    let servers = [server(), server(), server()];
    let addresses: Vec<_> = servers.iter().map(|s| s.address.as_str()).collect();
    let client = connect(&addresses).await;
    let spread = spread(&client, 9).await;
    for address in addresses {
        assert_eq!(spread[address], 3, "{spread:?}");
    }
}

#[tokio::test]
async fn a_name_counts_as_every_server_behind_it() {
    let servers = [server(), server()];
    let client = Client::builder(["http://ser:50051"])
        .resolver(Registry::of(&[&servers[0], &servers[1]]))
        .connect();
    let spread = spread(&patiently(client).await.unwrap(), 6).await;
    for server in &servers {
        let name = format!("http://ser:50051 ({})", ip(&server.address));
        assert_eq!(spread[&name], 3, "{spread:?}");
    }
}

#[tokio::test]
async fn a_server_named_twice_counts_once() {
    let servers = [server(), server()];
    let (first, second) = (&*servers[0].address, &*servers[1].address);
    let client = connect(&[first, second, first]).await;
    let spread = spread(&client, 6).await;
    assert_eq!((spread[first], spread[second]), (3, 3));
}

#[tokio::test]
async fn streams_share_the_connections_to_a_server() {
    for connections in [1, 3] {
        let clients = Arc::new(Mutex::new(HashMap::<_, usize>::new()));
        let seen = Arc::clone(&clients);
        let server = FakeServer::start(move |call| {
            *seen.lock().unwrap().entry(call.client).or_default() += 1;
            obliging(call)
        });
        let client = Client::builder([&server.address])
            .connections(NonZeroUsize::new(connections).unwrap())
            .connect();
        spread(&patiently(client).await.unwrap(), 9).await;
        let clients = clients.lock().unwrap();
        assert_eq!(clients.len(), connections);
        // Connecting takes the first turn.
        assert!(clients.values().all(|streams| *streams == 9 / connections));
    }
}

#[tokio::test]
async fn a_dead_server_is_passed_over() {
    let dead = ReservedPort::new();
    let living = [server(), server()];
    let client = connect(&[&living[0].address, &dead.address(), &living[1].address]).await;
    let spread = spread(&client, 9).await;
    for server in &living {
        assert!(spread[&server.address] >= 3, "{spread:?}");
    }
}

#[tokio::test]
async fn a_server_that_comes_back_gets_streams_again() {
    let port = ReservedPort::new();
    let address = port.address();
    let living = server();
    let client = connect(&[&address, &living.address]).await;
    // Both have had their turn.
    assert_eq!(spread(&client, 2).await[&living.address], 2);

    let _back = FakeServer::start_on(port, obliging);
    let until_back = async { while !spread(&client, 1).await.contains_key(&address) {} };
    patiently(until_back).await;
}

#[tokio::test]
async fn a_stream_that_is_not_to_be_resumed_dies_with_its_server() {
    let streams = Arc::new(AtomicUsize::new(0));
    let script = |streams: &Arc<AtomicUsize>| {
        let streams = Arc::clone(streams);
        move |mut call: Call| {
            streams.fetch_add(1, Ordering::Relaxed);
            async move {
                call.accept().await;
                // Dropped, it would end the stream in good order.
                std::mem::forget(call);
            }
        }
    };
    let servers = [&streams, &streams].map(|streams| FakeServer::start(script(streams)));
    let addresses = servers.each_ref().map(|server| server.address.clone());
    let client = Client::builder(addresses).resume(false).connect();
    let client = patiently(client).await.unwrap();
    let (_sink, mut results) = stream(&client).await.unwrap();
    let [dies, lives]: [FakeServer; 2] = {
        let mut servers = Vec::from(servers);
        servers.sort_by_key(|server| server.address != results.server());
        servers.try_into().ok().unwrap()
    };
    let address = dies.address.clone();
    drop(dies);
    let lost = patiently(results.next()).await.unwrap_err();
    assert!(
        matches!(&lost, Error::Lost { address: named, .. } if *named == address),
        "{lost:?}"
    );
    assert_eq!(patiently(results.next()).await.unwrap(), None, "it is over");
    assert_eq!(streams.load(Ordering::Relaxed), 1);
    assert_eq!(spread(&client, 4).await[&lives.address], 4);
}

#[tokio::test]
async fn a_failure_makes_names_be_resolved_again() {
    let (old, new) = (server(), server());
    let registry = Registry::of(&[&old]);
    let client = Client::builder(["http://ser:50051"])
        .resolver(registry.clone())
        .timeouts(Timeouts {
            connect: Duration::from_secs(60),
            ..Timeouts::default()
        })
        .connect();
    let client = patiently(client).await.unwrap();
    assert_eq!(spread(&client, 2).await.len(), 1);
    registry.set(&[&new]);
    drop(old);
    let (_, results) = stream(&client).await.unwrap();
    assert!(results.server().contains(&ip(&new.address).to_string()));
}

#[tokio::test]
async fn a_name_that_leads_nowhere_is_told_at_once() {
    for (server, reason) in [
        ("http://nobody:1", "nobody is unknown"),
        ("http://ser:1", "ser has no address"),
    ] {
        let client = Client::builder([server]).resolver(Registry::default());
        let error = patiently(client.connect()).await.unwrap_err();
        let said = format!("nothing answers at {server} ({reason})");
        assert_eq!(error.to_string(), said);
    }
    let no_servers: [&str; 0] = [];
    let error = Client::builder(no_servers).connect().await.unwrap_err();
    assert!(error.to_string().contains("no server was named"));
}

/// Knows one name at once, and the other when it is let.
#[derive(Debug)]
struct HalfSlow {
    quick: SocketAddr,
    slow: SocketAddr,
    answers: Arc<Semaphore>,
}

impl Resolver for HalfSlow {
    fn resolve<'a>(&'a self, name: &'a str, _: u16) -> Resolution<'a> {
        Box::pin(async move {
            if name == "slow" {
                let _answer = self.answers.acquire().await.unwrap();
                return Ok(vec![self.slow]);
            }
            Ok(vec![self.quick])
        })
    }
}

#[tokio::test]
async fn a_name_that_takes_its_time_holds_up_no_other() {
    let (quick, slow) = (server(), server());
    let answers = Arc::new(Semaphore::new(0));
    let resolver = HalfSlow {
        quick: ip(&quick.address),
        slow: ip(&slow.address),
        answers: Arc::clone(&answers),
    };
    let client = Client::builder(["http://slow:1", "http://quick:1"])
        .resolver(resolver)
        .timeouts(Timeouts {
            connect: Duration::from_secs(3_600),
            ..Timeouts::default()
        })
        .connect();
    let client = patiently(client).await.unwrap();
    let [quick, slow] = [("quick", &quick), ("slow", &slow)]
        .map(|(name, server)| format!("http://{name}:1 ({})", ip(&server.address)));
    assert_eq!(spread(&client, 4).await[&quick], 4);

    answers.add_permits(1);
    let until_known = async { while !spread(&client, 1).await.contains_key(&slow) {} };
    patiently(until_known).await;
}

#[tokio::test]
async fn servers_that_cannot_be_reached_are_told_together() {
    let ports = [ReservedPort::new(), ReservedPort::new()];
    let addresses = ports.each_ref().map(ReservedPort::address);
    let client = Client::builder(&addresses).timeouts(Timeouts {
        connect: Duration::from_millis(100),
        ..Timeouts::default()
    });
    let error = patiently(client.connect()).await.unwrap_err().to_string();
    let all = format!("nothing answers at {}, {} (", addresses[0], addresses[1]);
    assert!(error.starts_with(&all), "{error}");
    assert_eq!(error.matches("refused").count(), 1, "{error}");
}

#[tokio::test]
async fn what_one_server_cannot_serve_another_may() {
    for status in [
        Status::unavailable("server: shutting down"),
        Status::resource_exhausted("streams: 8 open"),
        full_for(Duration::from_secs(3_600)),
    ] {
        let servers = [server_that_says(status), server()];
        let client = connect(&[&servers[0].address, &servers[1].address]).await;
        assert_eq!(spread(&client, 6).await[&servers[1].address], 6);
    }
}

#[tokio::test]
async fn a_full_server_is_asked_again_when_it_says() {
    let asked = AtomicUsize::new(0);
    let full = full_for(Duration::from_millis(10));
    let server = FakeServer::start(move |call| {
        let first = asked.fetch_add(1, Ordering::Relaxed) == 0;
        let full = full.clone();
        async move {
            if first {
                call.fail(full).await;
            } else {
                obliging(call).await;
            }
        }
    });
    stream(&connect(&[&server.address]).await).await.unwrap();
}

#[tokio::test]
async fn a_server_that_stays_full_for_too_long_is_not_waited_for() {
    let hour = Duration::from_secs(3_600);
    let server = server_that_says(full_for(hour));
    let outcome = stream(&connect(&[&server.address]).await).await;
    let Err(Error::Unavailable { retry_after, .. }) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(retry_after, Some(hour));
}

#[tokio::test]
async fn a_server_that_keeps_silent_is_passed_over() {
    let silent = FakeServer::start(|mut call| async move {
        call.config().await;
        std::future::pending::<()>().await;
    });
    let speaking = server();
    let client = Client::builder([&silent.address, &speaking.address])
        .timeouts(Timeouts {
            connect: Duration::from_secs(60),
            answer: Duration::from_secs(2),
            ..Timeouts::default()
        })
        .connect();
    let client = patiently(client).await.unwrap();
    assert_eq!(spread(&client, 4).await[&speaking.address], 4);
}

/// Accepts streams, and then says no more.
async fn mute(mut call: Call) {
    call.accept().await;
    std::future::pending().await
}

#[tokio::test]
async fn a_recording_leaves_a_server_that_falls_silent() {
    let (mute, speaking) = (FakeServer::start(mute), server());
    let client = Client::builder([&mute.address, &speaking.address])
        .timeouts(Timeouts {
            silence: Duration::from_secs(2),
            ..Timeouts::default()
        })
        .connect();
    let client = patiently(client).await.unwrap();
    let file = Recording::seconds(1);
    let recording = audio::Recording::open(Path::new(file.path())).unwrap();
    // One of two has the mute server's turn.
    for _ in 0..2 {
        let said = client.classify(&recording, RecognitionOptions::default());
        assert_eq!(patiently(said).await.unwrap().server, speaking.address);
    }
}

#[tokio::test]
async fn a_connection_that_falls_silent_is_not_used_again() {
    let connections = Arc::new(Mutex::new(HashSet::new()));
    let seen = Arc::clone(&connections);
    let server = FakeServer::start(move |call| {
        seen.lock().unwrap().insert(call.client);
        mute(call)
    });
    let client = Client::builder([&server.address])
        .timeouts(Timeouts {
            silence: Duration::from_secs(1),
            ..Timeouts::default()
        })
        .resume(false)
        .connect();
    let client = patiently(client).await.unwrap();
    let (sink, mut results) = stream(&client).await.unwrap();
    drop(sink);
    let silent = patiently(results.next()).await;
    assert!(matches!(silent, Err(Error::Silent { .. })), "{silent:?}");
    assert_eq!(connections.lock().unwrap().len(), 1);

    let (mut sink, mut results) = stream(&client).await.unwrap();
    assert_eq!(connections.lock().unwrap().len(), 2);
    let more_than_it_takes = Bytes::from(vec![0; 16 << 20]);
    let ended = patiently(sink.send(more_than_it_takes)).await;
    assert!(matches!(ended, Err(Error::Ended)), "{ended:?}");
    let silent = patiently(results.next()).await;
    assert!(matches!(silent, Err(Error::Silent { .. })), "{silent:?}");

    stream(&client).await.unwrap();
    assert_eq!(connections.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn nobody_has_to_lose_patience() {
    let server = server();
    let client = Client::builder([&server.address]).timeouts(Timeouts {
        connect: Duration::MAX,
        answer: Duration::MAX,
        silence: Duration::MAX,
        resume: Duration::MAX,
    });
    let client = patiently(client.connect()).await.unwrap();
    let (sink, results) = stream(&client).await.unwrap();
    drop(sink);
    let events: Vec<_> = patiently(results.collect()).await;
    assert!(
        matches!(events.as_slice(), [Ok(Event::Summary(_))]),
        "{events:?}"
    );
}

#[tokio::test]
async fn silence_after_the_half_close_ends_a_stream() {
    let server = FakeServer::start(|mut call| async move {
        call.accept().await;
        call.rest().await;
        call.send(messages::result(messages::emotion(0, "happy", 0.75)))
            .await;
        std::future::pending::<()>().await;
    });
    let client = Client::builder([&server.address])
        .timeouts(Timeouts {
            silence: Duration::from_secs(2),
            ..Timeouts::default()
        })
        .resume(false)
        .connect();
    let client = patiently(client).await.unwrap();
    let (mut sink, results) = stream(&client).await.unwrap();
    sink.send(Bytes::from_static(&[0; 320])).await.unwrap();
    drop(sink);
    let events: Vec<_> = patiently(results.collect()).await;
    assert!(
        matches!(
            events.as_slice(),
            [Ok(Event::Result(_)), Err(Error::Silent { .. })]
        ),
        "{events:?}"
    );
}

#[tokio::test]
async fn the_program_takes_several_servers() {
    let dead = ReservedPort::new();
    let server = server();
    let recording = Recording::seconds(1);
    let servers = format!("{},{}", dead.address(), server.address);
    let ended = run(&servers, &["stream", recording.path(), "--fast"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");

    let (dead, living) = (dead.address(), server.address.as_str());
    let arguments = ["models", "--server", &dead, "--server", living];
    let ended = run("http://127.0.0.1:1", &arguments).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
}
