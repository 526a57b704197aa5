//! Which calls get through, as whom, and what the rest are told.

use std::{fs, net::SocketAddr};

use tempfile::TempDir;
use tonic::{Code, codegen::http::HeaderName};

use super::*;
use crate::{
    auth::{NewToken, TokenFile},
    listen::Calls,
    promises::assert_promised,
    telemetry,
};

/// Answers with the principal of each request that reaches it.
#[derive(Clone)]
struct Echo;

impl Service<Request<Body>> for Echo {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        assert!(!request.headers().contains_key(AUTHORIZATION));
        let mut response = Response::new(Body::empty());
        let principal = request.extensions().get::<Principal>();
        response
            .extensions_mut()
            .insert(principal.map(Principal::to_string));
        ready(Ok(response))
    }
}

fn guard(tokens: Option<&str>) -> Guarded<Echo> {
    let metrics = telemetry::unread();
    let tokens = tokens.map(|text| {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("tokens.toml");
        fs::write(&path, text).unwrap();
        let file = TokenFile {
            key: "auth.tokens",
            listener: "server",
            path,
        };
        Arc::new(Reloaded::open(file, Arc::clone(&metrics)).unwrap())
    });
    let guard = Guard {
        listener: "server",
        identity: None,
        tokens,
        metrics,
        refusals: Audit::new(),
    };
    guard.before(Echo)
}

/// Whose request gets through, or what its sender is told.
async fn call(
    guarded: &mut Guarded<Echo>,
    path: &str,
    headers: &[(HeaderName, &str)],
) -> Result<Option<String>, String> {
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = path.parse().unwrap();
    for (name, value) in headers {
        let value = HeaderValue::from_str(value).unwrap();
        request.headers_mut().append(name, value);
    }
    request.extensions_mut().insert(Peer {
        address: SocketAddr::from(([10, 0, 0, 7], 7)),
        certificate: None,
        calls: Calls::new(),
    });
    let response = guarded.call(request).await.unwrap();
    match Status::from_header_map(response.headers()) {
        Some(status) => {
            assert_eq!(status.code(), Code::Unauthenticated);
            Err(status.message().to_owned())
        }
        None => Ok(response
            .extensions()
            .get::<Option<String>>()
            .cloned()
            .flatten()),
    }
}

const PATH: &str = "/ser.v1.SpeechEmotion/StreamingRecognize";

#[tokio::test]
async fn a_call_needs_exactly_one_good_token() {
    let token = NewToken::generate();
    let good = format!("Bearer {}", token.token());
    let foreign = format!("Bearer {}", NewToken::generate().token());
    let basic = format!("Basic {}", token.token());
    let guarded = &mut guard(Some(&token.entry("ci")));
    let ci = Ok(Some("ci".to_owned()));
    assert_eq!(call(guarded, PATH, &[(AUTHORIZATION, &good)]).await, ci);
    let lower = good.replace("Bearer", "bearer");
    assert_eq!(call(guarded, PATH, &[(AUTHORIZATION, &lower)]).await, ci);
    let expected = "; expected Bearer and a token";
    for (headers, expected) in [
        (vec![], format!("none{expected}")),
        (
            vec![(AUTHORIZATION, &*good), (AUTHORIZATION, &good)],
            format!("several{expected}"),
        ),
        (
            vec![(AUTHORIZATION, &*basic)],
            format!("something else{expected}"),
        ),
        (
            vec![(AUTHORIZATION, token.token())],
            format!("something else{expected}"),
        ),
        (
            vec![(AUTHORIZATION, "Bearer")],
            format!("something else{expected}"),
        ),
        (
            vec![(AUTHORIZATION, "Bearer ä")],
            format!("no ASCII{expected}"),
        ),
        (
            vec![(AUTHORIZATION, "Bearer 1234567")],
            "a token of 7 characters; expected at least 22, as `ser-server token` makes them"
                .to_owned(),
        ),
        (
            vec![(AUTHORIZATION, &*foreign)],
            "unknown token; expected one that this server knows".to_owned(),
        ),
    ] {
        let said = call(guarded, PATH, &headers).await.unwrap_err();
        assert_eq!(said, format!("authorization: {expected}"));
        assert_promised(&said);
        assert!(!said.contains(token.token()));
    }
}

#[tokio::test]
async fn health_is_open_and_nothing_else() {
    let guarded = &mut guard(Some(&NewToken::generate().entry("a")));
    let health = "/grpc.health.v1.Health/Check";
    assert_eq!(call(guarded, health, &[]).await, Ok(None));
    for path in [
        PATH,
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/grpc.health.v1.HealthCare/Check",
        "/nonsense",
    ] {
        call(guarded, path, &[]).await.unwrap_err();
    }
}

#[tokio::test]
async fn without_tokens_everybody_is_anonymous() {
    let guarded = &mut guard(None);
    let anonymous = Ok(Some("anonymous".to_owned()));
    assert_eq!(call(guarded, PATH, &[]).await, anonymous);
    let headers = [(AUTHORIZATION, "Bearer of news")];
    assert_eq!(call(guarded, PATH, &headers).await, anonymous);
}
