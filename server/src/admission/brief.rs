//! Calls that carry no audio: how many there may be, and how long their requests may take.
//!
//! They cost next to nothing once they have arrived. But without limits whoever never
//! sends a request, or never reads an answer, would hold memory for as long as its
//! connection lives.

use std::{
    convert::Infallible,
    future::ready,
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use http_body_util::BodyExt;
use tonic::{
    Status,
    body::Body,
    codegen::{
        BoxFuture, Context, Poll, Service,
        http::{Request, Response},
    },
};

use super::{
    Caller, Refusal,
    punctual::Punctual,
    shares::{Share, Shares},
    slots::{Slot, Slots},
};
use crate::{Error, body::holding, config::LimitsConfig, services, telemetry::Metrics};

/// Talks, each of which may hold back a few answers of tens of kilobytes.
const TALKS: usize = 64;

/// How many calls without audio there may be on a listener.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BriefPlaces {
    /// That only ask.
    pub(crate) calls: usize,
    /// Beside them, that stay.
    pub(crate) watches: usize,
    /// Of each connection, of either kind: who has few connections can't take the places
    /// of all others. A talk takes eight of them.
    pub(crate) of_a_connection: usize,
}

/// What the calls of one listener share.
#[derive(Debug)]
pub(crate) struct BriefCalls {
    calls: Slots,
    watches: Slots,
    talks: Slots,
    connections: Shares<SocketAddr>,
    limits: LimitsConfig,
    metrics: Arc<Metrics>,
}

/// A place on its connection, and one among all calls.
type Place = (Option<Share<SocketAddr>>, Slot);

/// What a call is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A request and its answer.
    Question,
    /// A request, and answers for as long as somebody listens.
    Watch,
    /// Requests and answers in turn.
    Talk,
}

impl Kind {
    fn of(path: &str) -> Self {
        match path.rsplit('/').next() {
            Some("Watch") => Self::Watch,
            Some("ServerReflectionInfo") => Self::Talk,
            _ => Self::Question,
        }
    }

    /// How many places of its connection it takes: so much more may wait for somebody
    /// who doesn't read.
    fn weight(self) -> usize {
        match self {
            Self::Question | Self::Watch => 1,
            Self::Talk => 8,
        }
    }
}

impl BriefCalls {
    /// As many calls as there are `places`, and beside them a few talks.
    pub(crate) fn new(places: BriefPlaces, limits: &LimitsConfig, metrics: &Arc<Metrics>) -> Self {
        let BriefPlaces {
            calls,
            watches,
            of_a_connection,
        } = places;
        Self {
            calls: Slots::new("calls", Refusal::Calls, calls),
            watches: Slots::new("watches", Refusal::Watches, watches),
            talks: Slots::new("reflections", Refusal::Calls, TALKS),
            connections: Shares::new("calls", Refusal::ConnectionCalls, of_a_connection),
            limits: limits.clone(),
            metrics: Arc::clone(metrics),
        }
    }

    /// Puts this before `services`.
    pub(crate) fn before<S>(self, services: S) -> Brief<S> {
        let calls = Arc::new(self);
        Brief { calls, services }
    }

    fn place(&self, kind: Kind, caller: &Caller) -> Result<Place, Error> {
        let connection = caller.connection.map(|connection| {
            let name = || "this connection".to_owned();
            self.connections
                .take(&connection, kind.weight(), None, name)
        });
        let slots = match kind {
            Kind::Question => &self.calls,
            Kind::Watch => &self.watches,
            Kind::Talk => &self.talks,
        };
        Ok((connection.transpose()?, slots.take(1)?))
    }

    fn patience(&self, kind: Kind) -> Duration {
        match kind {
            Kind::Question | Kind::Watch => self.limits.first_message,
            Kind::Talk => self.limits.idle,
        }
    }

    fn refuse(&self, error: Error) -> Response<Body> {
        if let Some(refusal) = Refusal::of(&error) {
            self.metrics.rejected(refusal);
        }
        Status::from(error).into_http()
    }
}

/// Services all of whose calls are within the limits of [`BriefCalls`], but for those
/// that have audio in them and limits of their own.
#[derive(Clone, Debug)]
pub(crate) struct Brief<S> {
    calls: Arc<BriefCalls>,
    services: S,
}

impl<S> Service<Request<Body>> for Brief<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Response<Body>, Infallible>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.services.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let path = request.uri().path();
        if services::hears_audio(path) {
            return Box::pin(self.services.call(request));
        }
        let kind = Kind::of(path);
        let caller = Caller::of(request.extensions());
        let place = match self.calls.place(kind, &caller) {
            Ok(place) => place,
            Err(error) => return Box::pin(ready(Ok(self.calls.refuse(error)))),
        };
        let late = Arc::new(OnceLock::new());
        let patience = self.calls.patience(kind);
        let (told, metrics) = (Arc::clone(&late), Arc::clone(&self.calls.metrics));
        let punctual = |body| {
            Body::new(Punctual::new(body, patience, move |status: &Status| {
                metrics.rejected(Refusal::Late);
                // Nobody else tells it.
                let _ = told.set(status.clone());
            }))
        };
        let answer = self.services.call(request.map(punctual));
        Box::pin(async move {
            let answer = answer.await?;
            Ok(answer.map(|body| holding(ending_with(late, body), place)))
        })
    }
}

/// A body that ends with the status in `end`, if there is one: a service that talks has
/// answered already, and takes a request that fails for the last.
fn ending_with(end: Arc<OnceLock<Status>>, body: Body) -> Body {
    Body::new(body.map_frame(move |mut frame| {
        if let (Some(trailers), Some(status)) = (frame.trailers_mut(), end.get()) {
            // Only metadata could be wrong, and there is none.
            let _ = status.add_header(trailers);
        }
        frame
    }))
}
