//! Connections that come about, and those that don't.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, advance, timeout},
};
use tokio_stream::StreamExt;
use tonic::transport::server::Connected;

use super::*;
use crate::telemetry;

const PATIENCE: Duration = Duration::from_secs(60);
const HANDSHAKE: Duration = Duration::from_secs(10);
const IDLE: Duration = Duration::from_secs(600);

async fn incoming(connections: usize) -> (Incoming, std::net::SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let admittance = Admittance {
        name: "server",
        connections: connections.try_into().unwrap(),
        handshake: HANDSHAKE,
        idle: IDLE,
        identity: None,
        metrics: telemetry::unread(),
    };
    (Incoming::new(listener, admittance), address)
}

async fn next(incoming: &mut Incoming) -> Connection {
    let next = timeout(PATIENCE, incoming.next()).await;
    next.expect("a connection in time").unwrap().unwrap()
}

/// Whether the other end closes, rather than says anything.
async fn is_closed(mut client: TcpStream) -> bool {
    let read = timeout(PATIENCE, client.read_u8()).await;
    read.expect("an end in time").is_err()
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed_until_one_ends() {
    let (mut incoming, address) = incoming(2).await;
    let _clients = [
        TcpStream::connect(address).await.unwrap(),
        TcpStream::connect(address).await.unwrap(),
    ];
    let open = [next(&mut incoming).await, next(&mut incoming).await];
    for _ in 0..3 {
        let further = TcpStream::connect(address).await.unwrap();
        assert!(is_closed(further).await);
    }
    drop(open);
    let _client = TcpStream::connect(address).await.unwrap();
    next(&mut incoming).await;
}

#[tokio::test]
async fn nobody_listens_once_it_is_dropped() {
    let (mut incoming, address) = incoming(2).await;
    let mut client = TcpStream::connect(address).await.unwrap();
    let mut open = next(&mut incoming).await;
    drop(incoming);
    let refused = async { while TcpStream::connect(address).await.is_ok() {} };
    timeout(PATIENCE, refused)
        .await
        .expect("an end of listening");
    open.write_all(b"still here").await.unwrap();
    let mut heard = [0; 10];
    client.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"still here");
}

/// Reads what `client` sends byte by byte, one each second, until the connection fails
/// or all has come.
async fn dribbled(bytes: usize) -> (usize, std::io::Result<()>) {
    let (mut incoming, address) = incoming(1).await;
    let mut client = TcpStream::connect(address).await.unwrap();
    let mut connection = next(&mut incoming).await;
    tokio::time::pause();
    for heard in 0..bytes {
        client.write_all(b"P").await.unwrap();
        if let Err(error) = connection.read_u8().await {
            return (heard, Err(error));
        }
        advance(Duration::from_secs(1)).await;
    }
    (bytes, Ok(()))
}

#[tokio::test]
async fn whoever_dribbles_is_closed_in_time() {
    let (heard, ended) = dribbled(33).await;
    assert_eq!(ended.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
    assert!((9..=11).contains(&heard), "{heard}");
}

#[tokio::test]
async fn whoever_says_nothing_is_closed_in_time() {
    let (mut incoming, address) = incoming(1).await;
    let _client = TcpStream::connect(address).await.unwrap();
    let mut connection = next(&mut incoming).await;
    tokio::time::pause();
    let start = Instant::now();
    let error = connection.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    // Timers are rounded up to a millisecond.
    assert!(start.elapsed() <= HANDSHAKE + Duration::from_millis(1));
}

#[tokio::test]
async fn whoever_has_said_hello_may_be_silent() {
    let (mut incoming, address) = incoming(1).await;
    let mut client = TcpStream::connect(address).await.unwrap();
    let mut connection = next(&mut incoming).await;
    client.write_all(&[b'P'; 33]).await.unwrap();
    connection.read_exact(&mut [0; 33]).await.unwrap();
    tokio::time::pause();
    let silence = timeout(10 * HANDSHAKE, connection.read_u8());
    assert!(silence.await.is_err(), "no end, and no byte");
}

#[tokio::test]
async fn a_connection_stays_as_long_as_its_calls_and_some_time_more() {
    let (mut incoming, address) = incoming(1).await;
    let mut client = TcpStream::connect(address).await.unwrap();
    let mut connection = next(&mut incoming).await;
    client.write_all(&[b'P'; 33]).await.unwrap();
    connection.read_exact(&mut [0; 33]).await.unwrap();
    tokio::time::pause();
    let calls = connection.connect_info().calls;
    let [first, second] = [calls.begin(), calls.begin()];
    drop(first);
    let used = timeout(10 * IDLE + IDLE / 2, connection.read_u8());
    assert!(used.await.is_err(), "open while there is a call");

    drop(second);
    let start = Instant::now();
    let end = connection.read_u8().await.unwrap_err();
    assert_eq!(end.kind(), std::io::ErrorKind::UnexpectedEof);
    // Timers are rounded up to a millisecond.
    let after = start.elapsed();
    assert!(
        after >= IDLE && after <= IDLE + Duration::from_millis(1),
        "{after:?}"
    );
}
