//! Places for requests that hold a whole recording.

use std::{
    convert::Infallible,
    future::{Future, ready},
    sync::Arc,
};

use http_body_util::{BodyExt, Limited};
use tonic::{
    Code, Status,
    body::Body,
    codegen::{self, BoxFuture, http},
    server::NamedService,
};

use super::hears_audio;
use crate::{Error, admission::Caller, body::holding, context::Context, session};

/// The largest request that holds a recording.
pub(crate) const LARGEST_CLIP_REQUEST: usize = 16 << 20;
/// What gRPC writes before a message: whether it is compressed, and its length.
const PREFIX: usize = 5;

/// Admits a clip before its bytes are read: the service within sees a request only
/// when all of it is in memory. The clip keeps its places until its response is sent.
#[derive(Clone, Debug)]
pub(super) struct ClipGate<S> {
    context: Arc<Context>,
    inner: S,
}

impl<S> ClipGate<S> {
    pub(super) fn new(context: &Arc<Context>, inner: S) -> Self {
        Self {
            context: Arc::clone(context),
            inner,
        }
    }
}

impl<S> codegen::Service<http::Request<Body>> for ClipGate<S>
where
    S: codegen::Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>,
    S::Future: Future<Output = Result<S::Response, Infallible>> + Send + 'static,
{
    type Response = S::Response;
    type Error = Infallible;
    type Future = BoxFuture<S::Response, Infallible>;

    fn poll_ready(
        &mut self,
        context: &mut codegen::Context<'_>,
    ) -> codegen::Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        if !hears_audio(request.uri().path()) {
            return Box::pin(self.inner.call(request));
        }
        let caller = Caller::of(request.extensions());
        let mut clip = match session::admit_clip(&self.context, &caller) {
            Ok(clip) => clip,
            Err(error) => return Box::pin(ready(Ok(Status::from(error).into_http()))),
        };
        request.extensions_mut().insert(clip.permit());
        let answer = self.inner.call(request.map(one_message));
        Box::pin(async move {
            match clip.answered(answer, code).await {
                Ok(answer) => Ok(answer?.map(|body| holding(body, clip))),
                Err(error) => Ok(Status::from(error).into_http()),
            }
        })
    }
}

/// A body with no more in it than the largest message: whatever follows a message would
/// take as much memory as that did.
fn one_message(body: Body) -> Body {
    let limited = Limited::new(body, PREFIX + LARGEST_CLIP_REQUEST);
    Body::new(limited.map_err(|error| {
        match error.downcast::<Status>() {
            Ok(status) => *status,
            Err(_) => Error::invalid(
                "request",
                format!("more than {LARGEST_CLIP_REQUEST} bytes"),
                "1 message of at most as many",
            )
            .into(),
        }
    }))
}

/// How an answer ends: what fails has its status in the headers.
fn code(answer: &Result<http::Response<Body>, Infallible>) -> Code {
    let failed = match answer {
        Ok(response) => Status::from_header_map(response.headers()),
        Err(never) => match *never {},
    };
    failed.map_or(Code::Ok, |status| status.code())
}

impl<S: NamedService> NamedService for ClipGate<S> {
    const NAME: &'static str = S::NAME;
}
