//! What calls are made on.

use std::task::{Context, Poll};

use futures_util::future::{MapOk, TryFutureExt};
use http::{HeaderValue, Request, Response, StatusCode, header::AUTHORIZATION};
use tonic::{
    body::Body,
    transport::{Channel, Error},
};
use tower_service::Service;

/// A connection on which every call says whose it is.
#[derive(Debug, Clone)]
pub(crate) struct Calls {
    pub(super) channel: Channel,
    pub(super) authorization: Option<HeaderValue>,
}

impl Service<Request<Body>> for Calls {
    type Response = Response<Body>;
    type Error = Error;
    type Future =
        MapOk<<Channel as Service<Request<Body>>>::Future, fn(Response<Body>) -> Response<Body>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.channel.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        if let Some(authorization) = &self.authorization {
            let headers = request.headers_mut();
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        self.channel.call(request).map_ok(without_page)
    }
}

/// A proxy that has no server for a call answers with an HTTP status and a page for people,
/// which would be read as a message. Without it, the status counts, as gRPC's table says:
/// <https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md>.
fn without_page(response: Response<Body>) -> Response<Body> {
    match response.status() {
        StatusCode::OK => response,
        _ => response.map(|_| Body::empty()),
    }
}
