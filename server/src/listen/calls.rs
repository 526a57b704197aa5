//! The calls that are open on a connection, which tell whether anybody uses it.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::time::Instant;
use tonic::{
    body::Body,
    codegen::{
        BoxFuture, Context, Poll, Service,
        http::{Request, Response},
    },
};

use super::Peer;
use crate::body::holding;

/// The calls of one connection.
#[derive(Clone, Debug)]
pub(crate) struct Calls(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    open: usize,
    /// When the last one ended.
    ended: Instant,
}

/// A call, which is open until this is dropped.
#[derive(Debug)]
pub(crate) struct OpenCall(Calls);

impl Calls {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            open: 0,
            ended: Instant::now(),
        })))
    }

    /// One more.
    pub(super) fn begin(&self) -> OpenCall {
        self.lock().open += 1;
        OpenCall(self.clone())
    }

    /// Since when there has been none; `None` while there is one.
    pub(super) fn none_since(&self) -> Option<Instant> {
        let state = self.lock();
        (state.open == 0).then_some(state.ended)
    }

    /// Nothing panics while it is held.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.open -= 1;
        state.ended = Instant::now();
    }
}

/// Services whose calls are counted for their connections, from their requests to the
/// ends of their responses.
#[derive(Clone, Debug)]
pub(crate) struct Counted<S>(pub(crate) S);

impl<S> Service<Request<Body>> for Counted<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Response<Body>, Infallible>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let peer = request.extensions().get::<Peer>();
        let open = peer.map(|peer| peer.calls.begin());
        let answer = self.0.call(request);
        Box::pin(async move { Ok(answer.await?.map(|body| holding(body, open))) })
    }
}
