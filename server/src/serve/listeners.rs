//! Where the server listens, and what each listener is for.

use std::{io, net::SocketAddr, num::NonZeroUsize, path::Path, sync::Arc, time::Duration};

use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tonic::service::Routes;
use tracing::{info, warn};

use crate::{
    Error,
    admission::{BriefCalls, BriefPlaces},
    auth::{Audit, Guard, Tokens},
    config::{Config, MetricsConfig},
    listen::{Admittance, Counted, Credentials, Identity, Incoming},
    reload::{Reloaded, Source},
    telemetry::{self, Metrics, Telemetry},
    transport::transport,
};

/// Calls that one connection of an operator or a probe may have open.
const FEW_CALLS: u32 = 16;
/// Connections of operators, or of probes.
const FEW_CONNECTIONS: NonZeroUsize = NonZeroUsize::new(64).expect("not zero");
/// Calls without audio that a connection may have open, at least. It takes 32
/// connections to fill a server's places, or nearly; but a gateway's one carries those of
/// many clients.
const BRIEF_CALLS: usize = 64;
/// Those of probes: every connection may have two open, such as a watch and a question,
/// and half of them may stay to watch.
const PROBES: BriefPlaces = BriefPlaces {
    calls: 2 * FEW_CONNECTIONS.get(),
    watches: FEW_CONNECTIONS.get() / 2,
    of_a_connection: 2,
};
/// How long a probe's connection stays open without a call, at most: probes ask and go,
/// and those that stay must leave room for them.
const PROBE_IDLE: Duration = Duration::from_secs(5);

/// A socket, and what whoever connects to it has to bring.
pub(super) struct Entrance {
    name: &'static str,
    listener: TcpListener,
    connections: NonZeroUsize,
    places: BriefPlaces,
    handshake: Duration,
    idle: Duration,
    identity: Option<Arc<Reloaded<Identity>>>,
    tokens: Option<Arc<Reloaded<Tokens>>>,
    metrics: Arc<Metrics>,
}

impl Entrance {
    /// That of clients.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] when a certificate, a key or the tokens can't be used.
    pub(super) fn of_clients(
        listener: TcpListener,
        config: &Config,
        metrics: &Arc<Metrics>,
    ) -> Result<Self, Error> {
        let Credentials { tls, tokens } = Credentials::of_clients(config);
        Ok(Self {
            name: "server",
            listener,
            connections: config.server.connections,
            places: BriefPlaces {
                calls: config.server.connections.get(),
                watches: config.server.connections.get(),
                of_a_connection: BRIEF_CALLS.max(config.server.connections.get() / 32),
            },
            handshake: config.server.handshake,
            idle: config.server.idle_connection,
            identity: opened(tls, metrics)?,
            tokens: opened(tokens, metrics)?,
            metrics: Arc::clone(metrics),
        })
    }

    /// That of operators, if there is to be one.
    ///
    /// # Errors
    ///
    /// [`Error::Bind`], and as [`of_clients`](Self::of_clients).
    pub(super) async fn of_operators(
        config: &Config,
        metrics: &Arc<Metrics>,
    ) -> Result<Option<Self>, Error> {
        let admin = &config.admin;
        let Some(address) = admin.listen else {
            return Ok(None);
        };
        let Credentials { tls, tokens } = Credentials::of_operators(config);
        let entrance = Self {
            name: "admin",
            listener: bind("--admin-listen", address).await?,
            connections: FEW_CONNECTIONS,
            places: BriefPlaces {
                calls: FEW_CONNECTIONS.get(),
                watches: FEW_CONNECTIONS.get(),
                of_a_connection: FEW_CALLS as usize,
            },
            handshake: config.server.handshake,
            idle: config.server.idle_connection,
            identity: opened(tls, metrics)?,
            tokens: opened(tokens, metrics)?,
            metrics: Arc::clone(metrics),
        };
        let address = entrance.tell("admin.port_file", admin.port_file.as_deref())?;
        info!(%address, "admin service on {address}");
        Ok(Some(entrance))
    }

    /// That of probes, if there is to be one. Nobody needs credentials there.
    ///
    /// # Errors
    ///
    /// [`Error::Bind`].
    pub(super) async fn of_probes(
        config: &Config,
        metrics: &Arc<Metrics>,
    ) -> Result<Option<Self>, Error> {
        let Some(address) = config.health.listen else {
            return Ok(None);
        };
        let entrance = Self {
            name: "health",
            listener: bind("health.listen", address).await?,
            connections: FEW_CONNECTIONS,
            places: PROBES,
            handshake: config.server.handshake,
            idle: config.server.idle_connection.min(PROBE_IDLE),
            identity: None,
            tokens: None,
            metrics: Arc::clone(metrics),
        };
        let address = entrance.tell("health.listen", None)?;
        info!(%address, "health alone on {address}");
        Ok(Some(entrance))
    }

    /// The address, whose port is written to the `file` that `key` names, if it does.
    pub(super) fn tell(&self, key: &str, file: Option<&Path>) -> Result<SocketAddr, Error> {
        tell_port(&self.listener, key, file)
    }

    /// Warns if other machines can reach `address`, and what they should need they
    /// don't.
    pub(super) fn warn(&self, address: SocketAddr) {
        let encrypts = self.identity.is_some();
        let asks = self.tokens.is_some() || self.asks_for_certificates();
        let lack = match (encrypts, asks) {
            _ if address.ip().is_loopback() => return,
            (true, true) => return,
            (true, false) => "without credentials",
            (false, true) => "without encryption: tokens can be read on their way",
            (false, false) => "with neither encryption nor authentication",
        };
        warn!("other machines can reach {address}, {lack}");
    }

    fn asks_for_certificates(&self) -> bool {
        let identity = self.identity.as_ref();
        identity.is_some_and(|identity| identity.now().asks_for_certificates())
    }

    /// Lets callers with the right credentials reach `routes`, until `closing`, and
    /// returns when the last call has ended.
    pub(super) async fn serve(
        self,
        routes: Routes,
        config: &Config,
        closing: CancellationToken,
    ) -> Result<(), Error> {
        let brief = BriefCalls::new(self.places, &config.limits, &self.metrics);
        let guard = Guard {
            listener: self.name,
            identity: self.identity.clone(),
            tokens: self.tokens,
            metrics: Arc::clone(&self.metrics),
            refusals: Audit::new(),
        };
        let admittance = Admittance {
            name: self.name,
            connections: self.connections,
            handshake: self.handshake,
            idle: self.idle,
            identity: self.identity,
            metrics: self.metrics,
        };
        let incoming = Incoming::new(self.listener, admittance);
        let mut server = transport(&config.server);
        if self.name != "server" {
            server = server.max_concurrent_streams(FEW_CALLS);
        }
        let services = Counted(guard.before(brief.before(routes.prepare())));
        let closing = closing.cancelled_owned();
        let ended = server.serve_with_incoming_shutdown(services, incoming, closing);
        Ok(ended.await?)
    }
}

/// What `source` holds, from now on, if there is one.
fn opened<S: Source<Value: 'static>>(
    source: Option<S>,
    metrics: &Arc<Metrics>,
) -> Result<Option<Arc<Reloaded<S::Value>>>, Error> {
    let open = |source| Reloaded::open(source, Arc::clone(metrics)).map(Arc::new);
    source.map(open).transpose()
}

/// Binds the socket whose address `flag` names.
pub(super) async fn bind(flag: &'static str, address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address)
        .await
        .map_err(|source| Error::Bind {
            flag,
            address,
            source,
        })
}

/// Answers Prometheus, if the configuration says where, as long as what this returns
/// is kept.
pub(super) async fn serve_metrics(
    config: &MetricsConfig,
    telemetry: &Telemetry,
) -> Result<Option<AbortOnDropHandle<()>>, Error> {
    let (Some(address), Some(exposition)) = (config.listen, telemetry.exposition()) else {
        return Ok(None);
    };
    let listener = bind("metrics.listen", address).await?;
    let port_file = config.port_file.as_deref();
    let address = tell_port(&listener, "metrics.port_file", port_file)?;
    info!(%address, "metrics on {address}");
    let serving = telemetry::serve_prometheus(listener, exposition.clone());
    Ok(Some(AbortOnDropHandle::new(tokio::spawn(serving))))
}

/// The address of `listener`, whose port is written to the `file` that `key` names,
/// if it does.
fn tell_port(listener: &TcpListener, key: &str, file: Option<&Path>) -> Result<SocketAddr, Error> {
    let address = listener.local_addr().map_err(|source| Error::Io {
        what: "listening socket".to_owned(),
        source,
    })?;
    if let Some(path) = file {
        write_port(path, address.port()).map_err(|error| {
            let reason = format!("{}: {error}; expected a file to write", path.display());
            Error::config(key, reason)
        })?;
    }
    Ok(address)
}

/// Writes the port under another name first, so that nobody reads half of it.
fn write_port(path: &Path, port: u16) -> io::Result<()> {
    let partial = path.with_added_extension("partial");
    std::fs::write(&partial, format!("{port}\n"))?;
    std::fs::rename(partial, path)
}
