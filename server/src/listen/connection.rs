//! A connection, from when it is ready to when it is closed.

use std::{
    io::{self, IoSlice},
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::OwnedSemaphorePermit,
    time::Instant,
};
use tonic::transport::server::Connected;
use tracing::debug;

use super::{Calls, idle::Idle, preface::Preface, refusals::Refusals, socket::Socket};
use crate::{auth::ClientCertificate, telemetry::Open};

/// What is known of the other end of a connection, found among the extensions of each
/// request.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) certificate: Option<Arc<ClientCertificate>>,
    pub(crate) calls: Calls,
}

/// A place among the open connections, free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) _permit: OwnedSemaphorePermit,
    pub(super) _counted: Open,
}

/// A connection that HTTP/2 is spoken on.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: Socket,
    peer: Peer,
    /// Until the peer has said that it speaks HTTP/2.
    preface: Option<Preface>,
    idle: Idle,
    refusals: Arc<Refusals>,
    _place: Place,
}

impl Connection {
    pub(super) fn new(
        socket: Socket,
        peer: Peer,
        deadline: Instant,
        idle: Duration,
        refusals: Arc<Refusals>,
        place: Place,
    ) -> Self {
        Self {
            socket,
            idle: Idle::new(peer.calls.clone(), idle),
            peer,
            preface: Some(Preface::until(deadline)),
            refusals,
            _place: place,
        }
    }
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if let Some(preface) = &mut this.preface
            && preface.is_late(context)
        {
            this.refusals.late(this.peer.address);
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let before = buffer.filled().len();
        match Pin::new(&mut this.socket).poll_read(context, buffer) {
            Poll::Ready(read) => read?,
            // Where something has come, it may be a call.
            Poll::Pending if this.idle.is_over(context) => {
                debug!(peer = %this.peer.address, "connection closed: no call for too long");
                // As if the peer had closed it, which leaves nothing to be told.
                return Poll::Ready(Ok(()));
            }
            Poll::Pending => return Poll::Pending,
        }
        let read = buffer.filled().len() - before;
        this.preface.take_if(|preface| preface.is_complete(read));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}
