//! Making connections to one server.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, task::spawn_blocking, time::timeout};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};
use tower_service::Service;

use super::{
    tls::{TlsFault, TlsFiles},
    wire::{self, FaultNote, Wire},
};

/// How long one attempt to connect may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Connects to one IP address.
#[derive(Debug, Clone)]
pub(super) struct Connector {
    ip: SocketAddr,
    tls: Option<(Arc<TlsFiles>, ServerName<'static>)>,
    note: FaultNote,
}

impl Connector {
    /// Speaks TLS with the server if it has a name for that.
    pub(super) fn new(ip: SocketAddr, tls: Option<(Arc<TlsFiles>, ServerName<'static>)>) -> Self {
        Self {
            ip,
            tls,
            note: FaultNote::default(),
        }
    }

    /// The same, that notes faults by itself.
    pub(super) fn with_own_note(&self) -> Self {
        Self {
            note: FaultNote::default(),
            ..self.clone()
        }
    }

    /// What is wrong with the TLS of the last connection.
    pub(super) fn fault(&self) -> Option<TlsFault> {
        self.note.get()
    }

    async fn connect(self) -> Result<TokioIo<Wire>, Failure> {
        let connect = async {
            let stream = TcpStream::connect(self.ip).await?;
            stream.set_nodelay(true)?;
            match self.tls {
                None => Ok(Wire::plain(stream, self.note)),
                Some((files, name)) => secure(stream, files, name, self.note).await,
            }
        };
        let waited = |_| io::Error::new(io::ErrorKind::TimedOut, "no connection in time");
        let wire = timeout(PATIENCE, connect).await.map_err(waited)?;
        wire.map(TokioIo::new)
    }
}

async fn secure(
    stream: TcpStream,
    files: Arc<TlsFiles>,
    name: ServerName<'static>,
    note: FaultNote,
) -> Result<Wire, Failure> {
    let config = spawn_blocking(move || files.config()).await??;
    let connector = TlsConnector::from(config);
    let stream = connector
        .connect(name, stream)
        .await
        .map_err(|error| wire::fault(&error).map_or_else(|| Failure::from(error), Failure::from))?;
    let (_, session) = stream.get_ref();
    if session.alpn_protocol().is_none() {
        return Err(TlsFault::NoHttp2.into());
    }
    Ok(Wire::tls(stream, note))
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Wire>;
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<TokioIo<Wire>, Failure>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        Box::pin(self.clone().connect())
    }
}
