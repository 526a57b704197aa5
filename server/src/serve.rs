//! The life of a server: listen, load, serve, drain.

mod listeners;

use std::{future::Future, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use tokio::{
    net::TcpListener,
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tonic::service::Routes;
use tracing::{error, info, warn};

use crate::{
    Error,
    config::Config,
    context::Context,
    models::{BackendRegistry, ModelRegistry, Repository},
    open_files,
    services::{self, Readiness},
    shutdown::Shutdown,
    telemetry::Telemetry,
};
use listeners::Entrance;

/// How long connections may take to close after their streams have ended.
const CLOSING: Duration = Duration::from_secs(1);

/// Binds the listening socket.
///
/// # Errors
///
/// [`Error::Bind`], for instance when the port is taken.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, Error> {
    listeners::bind("--listen", address).await
}

/// Serves on `listener` until `shutdown` is ready and the streams have ended.
///
/// Connections are taken at once; until the models are loaded and have passed
/// their golden rows and audio, health is `NOT_SERVING` and streams are refused.
/// The admin service, if the configuration has one, is served on a listener of its
/// own, and so is health for probes. `telemetry` is what the server measures with.
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
    let metrics = telemetry.metrics();
    let clients = Entrance::of_clients(listener, &config, metrics)?;
    let operators = Entrance::of_operators(&config, metrics).await?;
    let probes = Entrance::of_probes(&config, metrics).await?;
    let port_file = config.server.port_file.as_deref();
    let address = clients.tell("server.port_file", port_file)?;
    info!(%address, "listening on {address}");
    info!("{}", config.memory());
    if let Some(shortage) = open_files::shortage(config.server.connections.get()) {
        warn!("{shortage}");
    }
    clients.warn(address);

    let (stopping, drain) = Shutdown::new();
    let context = Arc::new(Context::new(&config, drain, &telemetry));
    let _metrics = listeners::serve_metrics(&config.metrics, &telemetry).await?;
    let (readiness, health) = Readiness::not_ready(metrics).await;
    let routes = services::routes(&context, health.clone())?;
    let admin_routes = services::admin_routes(&context)?;
    let closing = CancellationToken::new();
    let mut clients = pin!(clients.serve(routes, &config, closing.clone()));
    let mut operators = pin!(if_any(operators, admin_routes, &config, &closing));
    // Probes are answered to the end, that of the drain too.
    let never = CancellationToken::new();
    let mut probes = pin!(if_any(probes, Routes::new(health), &config, &never));

    let watched = Arc::clone(&context);
    let _watch = AbortOnDropHandle::new(tokio::spawn(async move {
        watched.admission.watch(|| watched.is_loading()).await;
    }));

    let drain_time = config.server.drain;
    tokio::select! {
        ended = &mut clients => return ended,
        ended = &mut operators => return ended,
        ended = &mut probes => return ended,
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
        (ended, admin_ended) = async { tokio::join!(clients, operators) } => ended.and(admin_ended)?,
        ended = probes => return ended,
        () = worked_off => info!("closing connections that are still open"),
    }
    info!("stopped");
    Ok(())
}

/// Serves `routes` at `entrance` until `closing`, if there is one.
async fn if_any(
    entrance: Option<Entrance>,
    routes: Routes,
    config: &Config,
    closing: &CancellationToken,
) -> Result<(), Error> {
    match entrance {
        Some(entrance) => entrance.serve(routes, config, closing.clone()).await,
        None => {
            closing.cancelled().await;
            Ok(())
        }
    }
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

#[cfg(test)]
mod tests;
