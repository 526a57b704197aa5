//! What a request may hold, and for how long it keeps its place.

use http_body_util::{BodyExt, Full};
use prost::{Message, bytes::Bytes};
use tonic::{
    body::Body,
    codegen::{Service as _, http},
};

use super::*;

/// The service as it is on a listener, with room for one clip.
fn serving() -> (Bench, ClipGate<Server>) {
    let one = |fixture: &mut Fixture| fixture.config.limits.open_clips = 1.try_into().unwrap();
    let bench = Bench::with(Listener::Main, one).serve();
    let service = super::super::service(&bench.service.context, Listener::Main);
    (bench, service)
}

async fn call(
    service: &mut ClipGate<Server>,
    method: &str,
    message: &[u8],
) -> http::Response<Body> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    let body = [&[0], &length[..], message].concat();
    let mut request = http::Request::new(Body::new(Full::new(Bytes::from(body))));
    let path = format!("/inference.GRPCInferenceService/{method}");
    *request.uri_mut() = path.parse().unwrap();
    service.call(request).await.unwrap()
}

fn status(response: &http::Response<Body>) -> Option<(Code, String)> {
    let status = Status::from_header_map(response.headers())?;
    Some((status.code(), status.message().to_owned()))
}

#[tokio::test]
async fn a_request_of_empty_tensors_is_refused_before_it_is_decoded() {
    let (_bench, mut service) = serving();
    // Inputs without anything in them: two bytes each, and three hundred once decoded.
    let empty = [0x2a, 0].repeat(8 << 20);
    let refused = call(&mut service, "ModelInfer", &empty).await;
    let message = "request: 16777216 bytes beside the values of tensors; expected at most 16384";
    assert_eq!(
        status(&refused),
        Some((Code::InvalidArgument, message.to_owned()))
    );
    let message = "request: 40 bytes beside the values of tensors; expected at most 16384";
    crate::promises::assert_promised(message);
    crate::promises::assert_promised("inputs: 20 bytes of values; expected at most 10");
}

#[tokio::test]
async fn a_second_message_is_not_read() {
    let (_bench, mut service) = serving();
    let message = features().encode_to_vec();
    let rest = [0, 1, 0, 0, 0].iter().chain(&[0; 16 << 20]);
    let both: Vec<u8> = message.iter().chain(rest).copied().collect();
    let mut body = vec![0];
    body.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    body.extend(both);
    let mut request = http::Request::new(Body::new(Full::new(Bytes::from(body))));
    *request.uri_mut() = "/inference.GRPCInferenceService/ModelInfer"
        .parse()
        .unwrap();
    let refused = service.call(request).await.unwrap();
    let message = "request: more than 16777216 bytes; expected 1 message of at most as many";
    crate::promises::assert_promised(message);
    assert_eq!(
        status(&refused),
        Some((Code::InvalidArgument, message.to_owned()))
    );
}

#[tokio::test]
async fn what_carries_a_name_is_small() {
    let (_bench, mut service) = serving();
    for method in [
        "ModelMetadata",
        "ModelStatistics",
        "RepositoryIndex",
        "ModelReady",
    ] {
        let refused = call(&mut service, method, &[0x0a; 5_000]).await;
        let (code, _) = status(&refused).expect("a refusal");
        assert_eq!(code, Code::OutOfRange, "{method}");
    }
}

#[tokio::test]
async fn a_response_keeps_its_place_until_it_is_sent() {
    let (_bench, mut service) = serving();
    let message = features().encode_to_vec();
    let unread = call(&mut service, "ModelInfer", &message).await;
    assert_eq!(status(&unread), None);
    let refused = call(&mut service, "ModelInfer", &message).await;
    let full = "clips: 1 open; expected at most 1, try again later";
    assert_eq!(
        status(&refused),
        Some((Code::ResourceExhausted, full.to_owned()))
    );
    unread.into_body().collect().await.unwrap();
    let third = call(&mut service, "ModelInfer", &message).await;
    assert_eq!(status(&third), None);
}
