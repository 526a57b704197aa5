//! Servers that refuse a stream, for now or for good.

use http::StatusCode;
use tokio::net::TcpListener;

use super::*;

fn full_for(time: Duration) -> Status {
    let details = ErrorDetails::with_retry_info(Some(time));
    Status::with_error_details(Code::ResourceExhausted, "streams: 8 open", details)
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

/// A proxy that has no server, as it tells people. Gives its address.
async fn proxy_that_answers(status: StatusCode) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answer = move |mut respond: h2::server::SendResponse<Bytes>| {
        let headers = http::Response::builder().status(status);
        let headers = headers.header("content-type", "text/html");
        let mut page = respond
            .send_response(headers.body(()).unwrap(), false)
            .unwrap();
        let text = Bytes::from_static(b"<html><body>No server is available.</body></html>");
        page.send_data(text, true).unwrap();
    };
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut calls = h2::server::handshake(socket).await.unwrap();
                while let Some(Ok((_, respond))) = calls.accept().await {
                    answer(respond);
                }
            });
        }
    });
    format!("http://{address}")
}

#[tokio::test]
async fn a_proxy_without_a_server_is_passed_over() {
    for status in [
        StatusCode::BAD_GATEWAY,
        StatusCode::SERVICE_UNAVAILABLE,
        StatusCode::GATEWAY_TIMEOUT,
    ] {
        let (proxy, server) = (proxy_that_answers(status).await, server());
        let client = connect(&[&proxy, &server.address]).await;
        assert_eq!(spread(&client, 6).await[&server.address], 6);
    }
    let proxy = proxy_that_answers(StatusCode::FORBIDDEN).await;
    let outcome = stream(&connect(&[&proxy]).await).await;
    assert!(
        matches!(
            outcome,
            Err(Error::Rejected {
                code: Code::PermissionDenied,
                ..
            })
        ),
        "{outcome:?}"
    );
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
