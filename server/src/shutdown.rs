//! Stopping: a value that every stream holds, with a deadline.

use std::{io, time::Duration};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    time::Instant,
};
use tracing::info;

/// Tells every stream that the server stops.
#[derive(Debug)]
pub(crate) struct Shutdown {
    deadline: watch::Sender<Option<Instant>>,
}

/// What a stream holds of [`Shutdown`].
#[derive(Clone, Debug)]
pub(crate) struct Drain {
    deadline: watch::Receiver<Option<Instant>>,
}

impl Shutdown {
    /// A server that runs, and what its streams watch.
    pub(crate) fn new() -> (Self, Drain) {
        let (sender, receiver) = watch::channel(None);
        (Self { deadline: sender }, Drain { deadline: receiver })
    }

    /// Gives all streams this long to end.
    pub(crate) fn begin(&self, time: Duration) {
        self.deadline.send_replace(Some(Instant::now() + time));
    }
}

impl Drain {
    /// Whether the server has begun to stop.
    pub(crate) fn has_begun(&self) -> bool {
        self.deadline.borrow().is_some()
    }

    /// Waits until the server begins to stop, and returns when streams must have
    /// ended.
    pub(crate) async fn begun(&mut self) -> Instant {
        match self
            .deadline
            .wait_for(Option::is_some)
            .await
            .map(|deadline| *deadline)
        {
            Ok(Some(deadline)) => deadline,
            // The server is gone without a word: stop at once.
            Ok(None) | Err(_) => Instant::now(),
        }
    }
}

/// SIGINT and SIGTERM.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// From now on neither ends the process by itself.
    ///
    /// # Errors
    ///
    /// When the handlers can't be installed.
    pub fn install() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) {
        let name = tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        };
        info!("{name}");
    }
}
