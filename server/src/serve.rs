//! The life of a server: listen, load, serve, drain.

use std::{future::Future, io, net::SocketAddr, path::Path, pin::pin, sync::Arc, time::Duration};

use tokio::{net::TcpListener, task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;
use tonic::transport::{Server, server::TcpIncoming};
use tracing::{error, info, warn};

use crate::{
    Error,
    config::{Config, ServerConfig},
    context::Context,
    models::{BackendRegistry, ModelRegistry},
    services::{self, Readiness},
    shutdown::Shutdown,
};

/// Bytes that a client may send on one stream before the server has read them.
const STREAM_WINDOW: u32 = 64 << 10;
/// The largest window of HTTP/2 (RFC 9113, 6.9.1).
const LARGEST_WINDOW: u32 = (1 << 31) - 1;
/// How long connections may take to close after their streams have ended.
const CLOSING: Duration = Duration::from_secs(1);

/// Binds the listening socket.
///
/// # Errors
///
/// [`Error::Bind`], for instance when the port is taken.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address)
        .await
        .map_err(|source| Error::Bind { address, source })
}

/// Serves on `listener` until `shutdown` is ready and the streams have ended.
///
/// Connections are taken at once; until the models are loaded and have passed
/// their golden rows and audio, health is `NOT_SERVING` and streams are refused.
///
/// # Errors
///
/// When a model can't be served, or the socket fails.
pub async fn run(
    listener: TcpListener,
    config: Config,
    backends: BackendRegistry,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Error> {
    let socket = |source| Error::Io {
        what: "listening socket".to_owned(),
        source,
    };
    let address = listener.local_addr().map_err(socket)?;
    if let Some(path) = &config.server.port_file {
        write_port(path, address.port()).map_err(|source| Error::Io {
            what: path.display().to_string(),
            source,
        })?;
    }
    info!(%address, "listening on {address}");

    let (stopping, drain) = Shutdown::new();
    let context = Arc::new(Context::new(config.limits.clone(), drain));
    let (routes, readiness) = services::routes(&context).await?;
    let closing = CancellationToken::new();
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let mut transport = pin!(
        transport(&config.server)
            .add_routes(routes)
            .serve_with_incoming_shutdown(incoming, closing.clone().cancelled_owned())
    );

    let drain_time = config.server.drain;
    tokio::select! {
        ended = &mut transport => return Ok(ended?),
        failed = serve(&context, &readiness, config, backends) => return Err(failed),
        () = shutdown => {}
    }

    info!(time = ?drain_time, "draining");
    readiness.set(false).await;
    stopping.begin(drain_time);
    closing.cancel();
    match timeout(drain_time + CLOSING, transport).await {
        Ok(ended) => ended?,
        Err(_) => warn!("closing connections that are still open"),
    }
    info!("stopped");
    Ok(())
}

fn transport(config: &ServerConfig) -> Server {
    // A session that doesn't read leaves its stream's window full. The
    // connection's must hold all of them, or one such stream would stop others.
    let connection_window = STREAM_WINDOW
        .saturating_mul(config.streams_per_connection)
        .min(LARGEST_WINDOW);
    Server::builder()
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(connection_window)
        .max_concurrent_streams(config.streams_per_connection)
        .http2_keepalive_interval(Some(config.keepalive_interval))
        .http2_keepalive_timeout(Some(config.keepalive_timeout))
}

/// Loads the models, serves them and watches over them. Returns only if they
/// can't be loaded.
async fn serve(
    context: &Context,
    readiness: &Readiness,
    config: Config,
    backends: BackendRegistry,
) -> Error {
    let loading = tokio::task::spawn_blocking(move || ModelRegistry::load(&config, &backends));
    let models = match loading.await {
        Ok(Ok(models)) => context.serve(models),
        Ok(Err(error)) => return error,
        Err(panic) => return Error::Internal(panic.to_string()),
    };
    for model in models.list() {
        let (manifest, info) = (model.manifest(), model.info());
        info!(
            model = model.id(),
            licence = manifest.licence,
            backend = info.backend,
            execution_provider = info.execution_provider,
            graph = model.graph_sha256(),
            "serving model {}, weights under {}",
            model.id(),
            manifest.licence,
        );
    }
    readiness.set(true).await;
    info!("ready");
    first_failure(models).await;
    readiness.set(false).await;
    std::future::pending().await
}

/// Waits until a model goes down: for whoever runs the server to replace it.
async fn first_failure(models: &ModelRegistry) {
    let mut watches = JoinSet::new();
    for model in models.list() {
        let mut serving = model.batcher().serving();
        let id = model.id().to_owned();
        watches.spawn(async move {
            // An error is a batcher that is gone, which serves no more either.
            let _ = serving.wait_for(|serving| !serving).await;
            id
        });
    }
    if let Some(Ok(model)) = watches.join_next().await {
        error!(model, "model is down, the server is no longer ready");
    }
}

/// Writes the port under another name first, so that nobody reads half of it.
fn write_port(path: &Path, port: u16) -> io::Result<()> {
    let partial = path.with_added_extension("partial");
    std::fs::write(&partial, format!("{port}\n"))?;
    std::fs::rename(partial, path)
}

#[cfg(test)]
mod tests;
