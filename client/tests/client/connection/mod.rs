//! Which server a call goes to, and what becomes of those that fail.

mod names;
mod refusals;
mod silence;
mod spread;

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
