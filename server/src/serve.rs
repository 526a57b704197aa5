//! The life of a server: listen, load, serve, drain.

use std::{
    future::Future, io, net::SocketAddr, num::NonZeroUsize, path::Path, pin::pin, sync::Arc,
    time::Duration,
};

use tokio::{
    net::TcpListener,
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::{error, info, warn};

use crate::{
    Error,
    config::{AdminConfig, Config, MetricsConfig, ServerConfig},
    context::Context,
    listen::{Admittance, Incoming},
    models::{BackendRegistry, ModelRegistry, Repository},
    services::{self, Readiness},
    shutdown::Shutdown,
    telemetry::{self, Telemetry},
    transport::transport,
};

/// How long connections may take to close after their streams have ended.
const CLOSING: Duration = Duration::from_secs(1);

/// Calls that one connection of an operator may have open.
const ADMIN_CALLS: u32 = 16;
/// Connections of operators.
const ADMIN_CONNECTIONS: NonZeroUsize = NonZeroUsize::new(64).expect("not zero");

/// Binds the listening socket.
///
/// # Errors
///
/// [`Error::Bind`], for instance when the port is taken.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, Error> {
    bind_for("--listen", address).await
}

async fn bind_for(flag: &'static str, address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address)
        .await
        .map_err(|source| Error::Bind {
            flag,
            address,
            source,
        })
}

/// Serves on `listener` until `shutdown` is ready and the streams have ended.
///
/// Connections are taken at once; until the models are loaded and have passed
/// their golden rows and audio, health is `NOT_SERVING` and streams are refused.
/// The admin service, if the configuration has one, is served on a listener of its
/// own. `telemetry` is what the server measures with.
///
/// # Errors
///
/// When a model can't be served, or a socket fails.
pub async fn run(
    listener: TcpListener,
    config: Config,
    backends: BackendRegistry,
    telemetry: Telemetry,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Error> {
    Repository::check(&config, &backends)?;
    let admin = bind_admin(&config.admin).await?;
    let port_file = config.server.port_file.as_deref();
    let address = tell_port(&listener, "server.port_file", port_file)?;
    info!(%address, "listening on {address}");
    let bound = config.memory_bound() >> 20;
    info!("memory: at most {bound} MiB with these limits");
    if !address.ip().is_loopback() {
        warn!("other machines can reach {address}, with neither encryption nor authentication");
    }

    let (stopping, drain) = Shutdown::new();
    let context = Arc::new(Context::new(&config, drain, &telemetry));
    let _metrics = serve_metrics(&config.metrics, &telemetry).await?;
    let (routes, readiness) = services::routes(&context).await?;
    let closing = CancellationToken::new();
    let admittance = Admittance {
        name: "server",
        connections: config.server.connections,
        handshake: config.server.handshake,
    };
    let incoming = Incoming::new(listener, admittance);
    let mut transport = pin!(
        transport(&config.server)
            .add_routes(routes)
            .serve_with_incoming_shutdown(incoming, closing.clone().cancelled_owned())
    );
    let mut admin = pin!(serve_admin(
        admin,
        &context,
        &config.server,
        closing.clone()
    ));

    let watched = Arc::clone(&context);
    let _watch = AbortOnDropHandle::new(tokio::spawn(async move {
        watched.admission.watch().await;
    }));

    let drain_time = config.server.drain;
    tokio::select! {
        ended = &mut transport => return Ok(ended?),
        ended = &mut admin => return ended,
        failed = serve(&context, &readiness, config.clone(), backends) => return Err(failed),
        () = shutdown => {}
    }

    info!(time = ?drain_time, "draining");
    readiness.set(false).await;
    stopping.begin(drain_time);
    closing.cancel();
    // Calls that never end of themselves, as watches of health, aren't waited for.
    let worked_off = async {
        let _ = timeout(drain_time, stopping.worked_off()).await;
        sleep(CLOSING).await;
    };
    tokio::select! {
        (ended, admin_ended) = async { tokio::join!(transport, admin) } => {
            ended.map_err(Error::from).and(admin_ended)?;
        }
        () = worked_off => info!("closing connections that are still open"),
    }
    info!("stopped");
    Ok(())
}

/// Loads the models, serves them and watches over them. Returns only if that
/// fails.
async fn serve(
    context: &Context,
    readiness: &Readiness,
    config: Config,
    backends: BackendRegistry,
) -> Error {
    let metrics = Arc::clone(&context.metrics);
    let loading = tokio::task::spawn_blocking(move || Repository::open(config, backends, metrics));
    let models = match loading.await {
        Ok(Ok(models)) => context.serve(models),
        Ok(Err(error)) => return error,
        Err(panic) => return Error::Internal(panic.to_string()),
    };
    context.metrics.watch_models(models.registry());
    watch(models.registry(), readiness).await
}

/// Keeps readiness as the models are: every one that is served is up, and there is
/// at least one. One that goes down is for whoever runs the server to replace.
async fn watch(models: &ModelRegistry, readiness: &Readiness) -> Error {
    let mut changes = models.changes();
    let mut was_ready = false;
    loop {
        // Not the models themselves, which nobody here may keep.
        let served: Vec<_> = changes
            .borrow_and_update()
            .iter()
            .map(|model| (model.id().to_owned(), model.batcher().serving()))
            .collect();
        let ready = !served.is_empty() && served.iter().all(|(_, serving)| *serving.borrow());
        readiness.set(ready).await;
        if ready != was_ready {
            info!("{}", if ready { "ready" } else { "no longer ready" });
        }
        was_ready = ready;
        tokio::select! {
            changed = changes.changed() => if changed.is_err() {
                return Error::Internal("the models are gone".to_owned());
            },
            model = first_failure(served), if ready => error!(model, "model is down"),
        }
    }
}

/// Waits until a model goes down, and names it.
async fn first_failure(served: Vec<(String, watch::Receiver<bool>)>) -> String {
    let mut watches = JoinSet::new();
    for (id, mut serving) in served {
        watches.spawn(async move {
            // An error is a batcher that is gone, which serves no more either.
            let _ = serving.wait_for(|serving| !serving).await;
            id
        });
    }
    match watches.join_next().await {
        Some(Ok(id)) => id,
        // Nothing is watched.
        _ => std::future::pending().await,
    }
}

/// Answers Prometheus, if the configuration says where, as long as what this returns
/// is kept.
async fn serve_metrics(
    config: &MetricsConfig,
    telemetry: &Telemetry,
) -> Result<Option<AbortOnDropHandle<()>>, Error> {
    let (Some(address), Some(exposition)) = (config.listen, telemetry.exposition()) else {
        return Ok(None);
    };
    let listener = bind_for("metrics.listen", address).await?;
    let port_file = config.port_file.as_deref();
    let address = tell_port(&listener, "metrics.port_file", port_file)?;
    info!(%address, "metrics on {address}");
    let serving = telemetry::serve_prometheus(listener, exposition.clone());
    Ok(Some(AbortOnDropHandle::new(tokio::spawn(serving))))
}

/// The listener of the admin service, if there is to be one.
async fn bind_admin(config: &AdminConfig) -> Result<Option<TcpListener>, Error> {
    let Some(address) = config.listen else {
        return Ok(None);
    };
    let listener = bind_for("--admin-listen", address).await?;
    let port_file = config.port_file.as_deref();
    let address = tell_port(&listener, "admin.port_file", port_file)?;
    info!(%address, "admin service on {address}");
    if !address.ip().is_loopback() {
        warn!("other machines can reach {address} and take models away");
    }
    Ok(Some(listener))
}

/// Serves operators until `closing`.
async fn serve_admin(
    listener: Option<TcpListener>,
    context: &Arc<Context>,
    config: &ServerConfig,
    closing: CancellationToken,
) -> Result<(), Error> {
    let Some(listener) = listener else {
        closing.cancelled().await;
        return Ok(());
    };
    let admittance = Admittance {
        name: "admin",
        connections: ADMIN_CONNECTIONS,
        handshake: config.handshake,
    };
    let incoming = Incoming::new(listener, admittance);
    let ended = transport(config)
        .max_concurrent_streams(ADMIN_CALLS)
        .add_routes(services::admin_routes(context)?)
        .serve_with_incoming_shutdown(incoming, closing.cancelled_owned())
        .await;
    Ok(ended?)
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

#[cfg(test)]
mod tests;
