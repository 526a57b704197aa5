//! Calls without audio: how many there may be, and how long they may take.

use std::{convert::Infallible, time::Duration};

use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use prost::bytes::Bytes;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{
    Code, Status,
    body::Body,
    codegen::{
        Service,
        http::{Request, Response},
    },
};

use crate::{
    admission::*,
    listen::{Calls, Peer},
    promises::assert_promised,
    telemetry::Telemetry,
};

const CHECK: &str = "/grpc.health.v1.Health/Check";
const WATCH: &str = "/grpc.health.v1.Health/Watch";
const REFLECT: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
/// A message without fields.
const EMPTY: &[u8] = &[0; 5];

/// So many calls, and as many watches, one of them on a connection.
fn calls(count: usize, telemetry: &Telemetry) -> BriefCalls {
    let places = BriefPlaces {
        calls: count,
        watches: count,
        of_a_connection: 1,
    };
    BriefCalls::new(places, &LimitsConfig::default(), telemetry.metrics())
}

/// A request whose body is this, and goes on unless it `ends`.
fn request(path: &str, body: &'static [u8], ends: bool) -> Request<Body> {
    let told = tokio_stream::once(Ok::<_, Infallible>(Frame::data(Bytes::from_static(body))));
    let body = match ends {
        true => Body::new(StreamBody::new(told)),
        false => Body::new(StreamBody::new(tokio_stream::StreamExt::chain(
            told,
            tokio_stream::pending(),
        ))),
    };
    let mut request = Request::new(body);
    *request.uri_mut() = path.parse().unwrap();
    request
}

async fn answer<S>(services: &mut S, path: &str) -> Response<Body>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    services.call(request(path, EMPTY, true)).await.unwrap()
}

#[track_caller]
fn refused(response: &Response<Body>, code: Code, message: &str) {
    let status = Status::from_header_map(response.headers()).expect("a status");
    assert_eq!((status.code(), status.message()), (code, message));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_never_ends_is_given_up() {
    let telemetry = Telemetry::for_prometheus();
    let (_reporter, health) = tonic_health::server::health_reporter();
    let mut services = calls(4, &telemetry).before(health);
    let message = "request: unfinished for 10s; expected all of it and half-close";
    assert_promised(message);
    for (path, body) in [(CHECK, &[][..]), (CHECK, EMPTY), (WATCH, &EMPTY[..3])] {
        let start = Instant::now();
        let response = services.call(request(path, body, false)).await.unwrap();
        refused(&response, Code::DeadlineExceeded, message);
        assert!(start.elapsed().abs_diff(Duration::from_secs(10)) < Duration::from_secs(1));
    }
    let text = telemetry.text();
    assert!(
        text.contains("ser_rejections_total{reason=\"late\"} 3"),
        "{text}"
    );
    assert!(Status::from_header_map(answer(&mut services, CHECK).await.headers()).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_talk_has_a_longest_time() {
    let telemetry = Telemetry::for_prometheus();
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(ser_proto::v1::FILE_DESCRIPTOR_SET)
        .build_v1()
        .unwrap();
    let mut services = calls(8, &telemetry).before(reflection);
    // The start of a message of 64 KiB: a byte of it now and then makes it no longer.
    let (bytes, slowly) = mpsc::channel(1);
    let dripping = async move {
        let mut some = Bytes::from_static(&[0, 0, 1, 0, 0]);
        while bytes
            .send(Ok::<_, Infallible>(Frame::data(some)))
            .await
            .is_ok()
        {
            some = Bytes::from_static(&[0]);
            sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::spawn(dripping);
    let mut request = request(REFLECT, &[], true);
    *request.body_mut() = Body::new(StreamBody::new(ReceiverStream::new(slowly)));
    let response = services.call(request).await.unwrap();
    let said = response.into_body().collect().await.unwrap();
    let status = Status::from_header_map(said.trailers().unwrap()).unwrap();
    let message = "request: unfinished for 30s; expected all of it and half-close";
    assert_eq!(
        (status.code(), status.message()),
        (Code::DeadlineExceeded, message)
    );
}

#[tokio::test]
async fn watches_leave_places_for_those_that_only_ask() {
    let telemetry = Telemetry::for_prometheus();
    let (_reporter, health) = tonic_health::server::health_reporter();
    let mut services = calls(2, &telemetry).before(health);
    let mut watches = [
        answer(&mut services, WATCH).await,
        answer(&mut services, WATCH).await,
    ];
    for watch in &mut watches {
        let frame = watch.body_mut().frame().await.expect("a first state");
        assert!(frame.unwrap().is_data());
    }
    let message = "watches: 2 open; expected at most 2, try again later";
    let third = answer(&mut services, WATCH).await;
    refused(&third, Code::ResourceExhausted, message);
    for _ in 0..10 {
        let check = answer(&mut services, CHECK).await;
        assert!(Status::from_header_map(check.headers()).is_none());
    }
    drop(watches);
    let watch = answer(&mut services, WATCH).await;
    assert!(Status::from_header_map(watch.headers()).is_none());
    let text = telemetry.text();
    assert!(
        text.contains("ser_rejections_total{reason=\"watches\"} 1"),
        "{text}"
    );
}

#[tokio::test]
async fn an_answer_keeps_its_place_until_it_is_sent() {
    let telemetry = Telemetry::for_prometheus();
    let (_reporter, health) = tonic_health::server::health_reporter();
    let mut services = calls(1, &telemetry).before(health);
    let unread = answer(&mut services, CHECK).await;
    let message = "calls: 1 open; expected at most 1, try again later";
    assert_promised(message);
    let second = answer(&mut services, CHECK).await;
    refused(&second, Code::ResourceExhausted, message);
    unread.into_body().collect().await.unwrap();
    let third = answer(&mut services, CHECK).await;
    assert!(Status::from_header_map(third.headers()).is_none());
}

#[tokio::test]
async fn a_connection_takes_no_more_than_its_share() {
    let telemetry = Telemetry::for_prometheus();
    let (_reporter, health) = tonic_health::server::health_reporter();
    let mut services = calls(4, &telemetry).before(health);
    let mut ask = async |path, port| {
        let mut request = request(path, EMPTY, true);
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        request.extensions_mut().insert(Peer {
            address,
            certificate: None,
            calls: Calls::new(),
        });
        services.call(request).await.unwrap()
    };
    let message = "calls of this connection: 1 open; expected at most 1, try again later";
    assert_promised(message);
    let unread = ask(CHECK, 1).await;
    for path in [CHECK, WATCH] {
        refused(&ask(path, 1).await, Code::ResourceExhausted, message);
    }
    let message = "calls of this connection: 0 open; expected at most 1, try again later";
    refused(&ask(REFLECT, 2).await, Code::ResourceExhausted, message);
    assert!(Status::from_header_map(ask(CHECK, 2).await.headers()).is_none());
    drop(unread);
    assert!(Status::from_header_map(ask(CHECK, 1).await.headers()).is_none());
}
