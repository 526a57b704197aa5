//! Where host names lead.

use std::{fmt::Debug, io, net::SocketAddr, pin::Pin};

use tokio::net::lookup_host;

/// What [`Resolver::resolve`] gives.
pub type Resolution<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'a>>;

/// Finds the servers behind a name. A [`Client`](crate::Client) asks the system
/// unless [`ClientBuilder::resolver`](crate::ClientBuilder::resolver) gives it
/// another source, such as a service registry.
pub trait Resolver: Debug + Send + Sync {
    /// All addresses at which `name` listens on `port`, in any order.
    fn resolve<'a>(&'a self, name: &'a str, port: u16) -> Resolution<'a>;
}

/// Asks the operating system: its hosts file, then DNS.
#[derive(Debug)]
pub(crate) struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve<'a>(&'a self, name: &'a str, port: u16) -> Resolution<'a> {
        Box::pin(async move { Ok(lookup_host((name, port)).await?.collect()) })
    }
}
