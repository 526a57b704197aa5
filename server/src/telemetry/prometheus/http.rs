//! The listener that Prometheus asks: `GET /metrics` over plain HTTP/1.1, one request a
//! connection.

use std::{convert::Infallible, sync::Arc, time::Duration};

use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::{sleep, timeout},
};
use tracing::warn;

use super::Exposition;
use crate::auth::Audit;

/// Connections at once: a scrape takes milliseconds, and who comes after is told so by
/// a connection that closes.
const CONNECTIONS: usize = 8;
/// From when a connection is taken to when it is closed.
const DEADLINE: Duration = Duration::from_secs(5);
/// Of a request. hyper wants at least this much.
const LARGEST_HEAD: usize = 8 << 10;
/// After an error that the next attempt would meet again.
const PAUSE: Duration = Duration::from_millis(100);
/// Prometheus' text format.
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// Answers on `listener` for ever.
pub(crate) async fn serve(listener: TcpListener, exposition: Exposition) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let failed = Audit::new();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
                        connections.spawn(answer(stream, exposition.clone(), place));
                    }
                }
                Err(error) => {
                    if let Some(untold) = failed.line() {
                        warn!(listener = "metrics", untold, "can't take connections: {error}");
                    }
                    sleep(PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn answer(stream: TcpStream, exposition: Exposition, _place: OwnedSemaphorePermit) {
    let service = service_fn(|request: Request<Incoming>| {
        let response = respond(request.method(), request.uri().path(), &exposition);
        async { Ok::<_, Infallible>(response) }
    });
    let connection = http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(LARGEST_HEAD)
        .timer(TokioTimer::new())
        .header_read_timeout(DEADLINE)
        .serve_connection(TokioIo::new(stream), service);
    // Whoever asks badly or goes away is answered with the end of the connection.
    let _ = timeout(DEADLINE, connection).await;
}

fn respond(method: &Method, path: &str, exposition: &Exposition) -> Response<Full<Bytes>> {
    if path != "/metrics" {
        return response(
            StatusCode::NOT_FOUND,
            CONTENT_TYPE,
            PLAIN,
            "expected /metrics\n",
        );
    }
    if method != Method::GET {
        let get = HeaderValue::from_static("GET");
        return response(StatusCode::METHOD_NOT_ALLOWED, ALLOW, get, "expected GET\n");
    }
    match exposition.text() {
        Ok(text) => response(StatusCode::OK, CONTENT_TYPE, TEXT, text),
        Err(error) => response(
            StatusCode::INTERNAL_SERVER_ERROR,
            CONTENT_TYPE,
            PLAIN,
            format!("{error}\n"),
        ),
    }
}

fn response(
    status: StatusCode,
    name: HeaderName,
    value: HeaderValue,
    body: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(name, value);
    response
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio_util::task::AbortOnDropHandle;

    use super::*;
    use crate::telemetry::Telemetry;

    async fn ask(request: &str) -> String {
        let telemetry = Telemetry::for_prometheus();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let exposition = telemetry.exposition().unwrap().clone();
        let _serving = AbortOnDropHandle::new(tokio::spawn(serve(listener, exposition)));
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        response
    }

    #[tokio::test]
    async fn metrics_are_text_and_the_connection_ends() {
        let response = ask("GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n").await;
        assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
        assert!(
            response.contains("content-type: text/plain; version=0.0.4"),
            "{response}"
        );
        let version = env!("CARGO_PKG_VERSION");
        let line = format!("\nser_build_info{{version=\"{version}\"}} 1\n");
        assert!(response.contains(&line), "{response}");
    }

    #[tokio::test]
    async fn nothing_else_is_there() {
        let response = ask("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        assert!(response.starts_with("HTTP/1.1 404 "), "{response}");
        let response = ask("POST /metrics HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n").await;
        assert!(response.starts_with("HTTP/1.1 405 "), "{response}");
        assert!(response.contains("allow: GET"), "{response}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_says_nothing_is_cut_off() {
        assert_eq!(ask("GET /metrics").await, "");
    }
}
