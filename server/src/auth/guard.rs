//! What stands before all services of a listener, and reads no body before it knows
//! whose it is.

use std::{convert::Infallible, future::ready, sync::Arc, time::SystemTime};

use futures_util::future::Either;
use tonic::{
    Status,
    body::Body,
    codegen::{
        Context, Poll, Service,
        http::{
            Extensions, HeaderMap, Request, Response,
            header::{AUTHORIZATION, HeaderValue},
        },
    },
};
use tracing::warn;

use super::{Audit, Principal, Tokens, tokens::refused};
use crate::{
    Error,
    listen::{Identity, Peer},
    reload::Reloaded,
    telemetry::Metrics,
};

/// Health is for probes and load balancers, which have no credentials. It tells
/// nothing but whether the server is ready.
const OPEN: &str = "/grpc.health.v1.Health/";

/// What a listener asks of each call.
#[derive(Debug)]
pub(crate) struct Guard {
    /// What the log calls the listener.
    pub(crate) listener: &'static str,
    pub(crate) identity: Option<Arc<Reloaded<Identity>>>,
    pub(crate) tokens: Option<Arc<Reloaded<Tokens>>>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) refusals: Audit,
}

impl Guard {
    /// Puts this before `services`.
    pub(crate) fn before<S>(self, services: S) -> Guarded<S> {
        let guard = Arc::new(self);
        Guarded { guard, services }
    }

    /// Whose call this is. Certificates and tokens are those of now, however old the
    /// connection is.
    fn authenticate(
        &self,
        extensions: &Extensions,
        headers: &HeaderMap,
    ) -> Result<Principal, Error> {
        let mut principal = Principal::default();
        if let Some(identity) = &self.identity
            && let identity = identity.now()
            && identity.asks_for_certificates()
        {
            let certificate = extensions
                .get::<Peer>()
                .and_then(|peer| peer.certificate.as_deref());
            identity.check(certificate.map_or(&[], |certificate| &certificate.chain))?;
            let name = certificate.and_then(|certificate| certificate.name.clone());
            let name = name.ok_or_else(|| Error::Unauthenticated {
                what: "client certificate",
                found: "names nobody".to_owned(),
                expected: "a URI, a DNS name or a common name in it",
            })?;
            principal = Principal::new(name, None);
        }
        if let Some(tokens) = &self.tokens {
            let token = bearer(headers)?;
            principal = tokens.now().find(token, SystemTime::now())?.clone();
        }
        Ok(principal)
    }

    fn refuse(&self, error: Error, request: &Request<Body>) -> Response<Body> {
        self.metrics.unauthenticated();
        if let Some(untold) = self.refusals.line() {
            let peer = request.extensions().get::<Peer>();
            warn!(
                listener = self.listener,
                peer = peer.map(|peer| peer.address.to_string()),
                untold,
                "call refused: {error}"
            );
        }
        Status::from(error).into_http()
    }
}

/// The token of a call.
fn bearer(headers: &HeaderMap) -> Result<&str, Error> {
    const EXPECTED: &str = "Bearer and a token";
    const SCHEME: &str = "bearer ";
    let wrong = |found: &str| refused(found.to_owned(), EXPECTED);
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or_else(|| wrong("none"))?;
    if values.next().is_some() {
        return Err(wrong("several"));
    }
    let text = HeaderValue::to_str(value).map_err(|_| wrong("no ASCII"))?;
    // The scheme's case doesn't matter (RFC 9110, 11.1).
    match text.split_at_checked(SCHEME.len()) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(SCHEME) => Ok(token.trim_start()),
        _ => Err(wrong("something else")),
    }
}

/// Services that only those reach whom a [`Guard`] knows. Each request that gets
/// through has a [`Principal`], and no credentials any more.
#[derive(Clone, Debug)]
pub(crate) struct Guarded<S> {
    guard: Arc<Guard>,
    services: S,
}

impl<S> Service<Request<Body>> for Guarded<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Either<std::future::Ready<Result<Response<Body>, Infallible>>, S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.services.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        if !request.uri().path().starts_with(OPEN) {
            match self
                .guard
                .authenticate(request.extensions(), request.headers())
            {
                Ok(principal) => {
                    request.extensions_mut().insert(principal);
                }
                Err(error) => {
                    let refusal = self.guard.refuse(error, &request);
                    return Either::Left(ready(Ok(refusal)));
                }
            }
        }
        request.headers_mut().remove(AUTHORIZATION);
        Either::Right(self.services.call(request))
    }
}

#[cfg(test)]
mod tests;
