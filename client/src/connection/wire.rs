//! The bytes of a connection.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::{client::TlsStream, rustls};

use super::tls::TlsFault;

/// How a TLS alert begins, which is what a server that speaks TLS says to one that
/// doesn't (RFC 8446, 5.1).
const ALERT: [u8; 2] = [21, 3];

/// Where a connection notes what is wrong with its TLS. HTTP/2 passes on no more of an
/// error than its text.
#[derive(Debug, Clone, Default)]
pub(super) struct FaultNote(Arc<Mutex<Option<TlsFault>>>);

impl FaultNote {
    pub(super) fn get(&self) -> Option<TlsFault> {
        let note = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        note.clone()
    }

    fn set(&self, fault: Option<TlsFault>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }
}

/// A connection, with or without TLS.
#[derive(Debug)]
pub(super) struct Wire {
    socket: Socket,
    note: FaultNote,
    /// The first bytes that came, in plaintext.
    first: Vec<u8>,
}

#[derive(Debug)]
enum Socket {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Wire {
    pub(super) fn plain(stream: TcpStream, note: FaultNote) -> Self {
        Self::new(Socket::Plain(stream), note)
    }

    pub(super) fn tls(stream: TlsStream<TcpStream>, note: FaultNote) -> Self {
        Self::new(Socket::Tls(Box::new(stream)), note)
    }

    fn new(socket: Socket, note: FaultNote) -> Self {
        // What was noted of a connection before this one is over.
        note.set(None);
        Self {
            socket,
            note,
            first: Vec::with_capacity(ALERT.len()),
        }
    }

    /// Looks at what a server that should speak plaintext says first.
    fn look(&mut self, read: &[u8]) {
        let missing = ALERT.len() - self.first.len();
        if missing > 0 {
            self.first.extend(read.iter().take(missing));
            if self.first == ALERT {
                self.note.set(Some(TlsFault::Expected));
            }
        }
    }
}

impl Socket {
    /// Either, as what both are.
    fn io(&mut self) -> Pin<&mut dyn Io> {
        match self {
            Self::Plain(stream) => Pin::new(stream),
            Self::Tls(stream) => Pin::new(stream.as_mut()),
        }
    }
}

trait Io: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Io for T {}

/// What TLS says of `error`, if it comes from there.
pub(super) fn fault(error: &io::Error) -> Option<TlsFault> {
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    Some(error.into())
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = ready!(self.socket.io().poll_read(context, buffer));
        match &read {
            Ok(()) if matches!(self.socket, Socket::Plain(_)) => {
                self.look(&buffer.filled()[before..]);
            }
            Ok(()) => {}
            // A server says only after the handshake what it thinks of a client's
            // certificate.
            Err(error) => {
                if let Some(fault) = fault(error) {
                    self.note.set(Some(fault));
                }
            }
        }
        Poll::Ready(read)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.socket.io().poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.socket.io().poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.socket {
            Socket::Plain(stream) => stream.is_write_vectored(),
            Socket::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.io().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.io().poll_shutdown(context)
    }
}
