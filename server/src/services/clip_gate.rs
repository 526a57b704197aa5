//! Places for requests that hold a whole recording.

use std::{convert::Infallible, future::Future, sync::Arc};

use tonic::{
    Code, Status,
    body::Body,
    codegen::{self, BoxFuture, http},
    server::NamedService,
};

use crate::{context::Context, session};

/// The largest request that holds a recording.
pub(super) const LARGEST_CLIP_REQUEST: usize = 16 << 20;

/// Admits a clip before its bytes are read: the service within sees a request only
/// when all of it is in memory.
#[derive(Clone, Debug)]
pub(super) struct ClipGate<S> {
    context: Arc<Context>,
    inner: S,
    /// The methods whose requests are clips.
    clips: &'static [&'static str],
}

impl<S> ClipGate<S> {
    pub(super) fn new(context: &Arc<Context>, inner: S, clips: &'static [&'static str]) -> Self {
        Self {
            context: Arc::clone(context),
            inner,
            clips,
        }
    }

    fn is_clip(&self, path: &str) -> bool {
        let method = path.rsplit('/').next();
        method.is_some_and(|method| self.clips.contains(&method))
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

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let is_clip = self.is_clip(request.uri().path());
        let answer = self.inner.call(request);
        if !is_clip {
            return Box::pin(answer);
        }
        let context = Arc::clone(&self.context);
        Box::pin(async move {
            session::admit_clip(&context, answer, code)
                .await
                .unwrap_or_else(|error| Ok(Status::from(error).into_http()))
        })
    }
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
