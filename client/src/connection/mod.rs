//! From the names of servers to connections that calls are made on.
//!
//! [`address`] reads what the user wrote, [`names`] turns host names into IP
//! addresses and keeps up with their changes, [`rotation`] goes round these, and a
//! [`peer`] is one of them with its connections. A [`connector`] makes them, with
//! [`tls`] if need be, and [`calls`] says with a [`token`] whose each call is.

mod address;
mod calls;
mod connector;
mod names;
mod peer;
mod pool;
mod resolver;
mod rest;
mod retry;
mod rotation;
mod security;
mod tls;
mod token;
mod wire;

use std::time::Duration;

use tokio::time::timeout;
use tonic::{Code, Response, Status};

pub(crate) use self::{
    calls::Calls, peer::Connection, pool::Pool, resolver::SystemResolver, security::Security,
};
pub use self::{
    resolver::{Resolution, Resolver},
    tls::{Tls, TlsFault},
    token::Token,
};
use crate::Error;

impl Connection {
    /// The answer to `call`, if it comes within `limit`.
    pub(crate) async fn answer<T>(
        &self,
        limit: Duration,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T, Error> {
        match timeout(limit, call).await {
            Ok(Ok(response)) => {
                self.works();
                Ok(response.into_inner())
            }
            Ok(Err(status)) => Err(self.failure(&status)),
            Err(_) => Err(self.silence(limit)),
        }
    }

    /// What `status`, which ended a call, means. Later calls avoid the server if it
    /// can't serve.
    pub(crate) fn failure(&self, status: &Status) -> Error {
        let error = match self.fault() {
            // Not what the server said over it before.
            Some(fault) if Error::is_of_transport(status) => Error::Tls {
                address: self.server().to_owned(),
                fault,
            },
            _ => Error::from_status(self.server(), status),
        };
        match &error {
            Error::Lost { .. } | Error::Unreachable { .. } | Error::Tls { .. } => {
                self.give_up(Duration::ZERO);
            }
            Error::Unavailable { retry_after, .. } => self.rest(retry_after.unwrap_or_default()),
            _ => {}
        }
        error
    }

    /// What it means that nothing came for `waited`. Later calls avoid a server that
    /// would make them wait as long, and this connection: it may be dead, and nobody has
    /// closed it.
    pub(crate) fn silence(&self, waited: Duration) -> Error {
        self.give_up(waited);
        Error::Silent {
            address: self.server().to_owned(),
            waited,
        }
    }

    /// What it means that the server lacks something that others may have, as it says.
    /// The next call goes to one of these.
    pub(crate) fn lacks(&self, message: String) -> Error {
        self.rest(Duration::ZERO);
        Error::Unavailable {
            address: self.server().to_owned(),
            code: Code::FailedPrecondition,
            reason: message,
            retry_after: None,
        }
    }

    pub(crate) fn protocol_error(&self, got: &'static str, expected: &'static str) -> Error {
        Error::Protocol {
            address: self.server().to_owned(),
            expected,
            got,
        }
    }
}
