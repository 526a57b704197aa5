//! Stopping: a value that every stream holds, with a deadline.

use std::{io, time::Duration};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    time::Instant,
};
use tokio_util::task::{TaskTracker, task_tracker::TaskTrackerToken};
use tracing::info;

use crate::config::Config;

/// Tells every stream that the server stops.
#[derive(Debug)]
pub(crate) struct Shutdown {
    deadline: watch::Sender<Option<Instant>>,
    work: TaskTracker,
}

/// What a stream holds of [`Shutdown`].
#[derive(Clone, Debug)]
pub(crate) struct Drain {
    deadline: watch::Receiver<Option<Instant>>,
    work: TaskTracker,
}

/// Work that a server waits for when it stops, until this is dropped.
#[must_use = "what is dropped isn't waited for"]
#[derive(Debug)]
pub(crate) struct Work {
    _token: TaskTrackerToken,
}

impl Shutdown {
    /// A server that runs, and what its streams watch.
    pub(crate) fn new() -> (Self, Drain) {
        let (sender, receiver) = watch::channel(None);
        let work = TaskTracker::new();
        let shutdown = Self {
            deadline: sender,
            work: work.clone(),
        };
        let drain = Drain {
            deadline: receiver,
            work,
        };
        (shutdown, drain)
    }

    /// Gives all streams this long to end.
    pub(crate) fn begin(&self, time: Duration) {
        self.deadline.send_replace(Some(Instant::now() + time));
        self.work.close();
    }

    /// What is still worked on.
    #[cfg(feature = "fuzzing")]
    pub(crate) fn open_work(&self) -> usize {
        self.work.len()
    }

    /// Waits until nothing is worked on any more.
    pub(crate) async fn worked_off(&self) {
        self.work.wait().await;
    }
}

impl Drain {
    /// Whether the server has begun to stop.
    pub(crate) fn has_begun(&self) -> bool {
        self.deadline.borrow().is_some()
    }

    /// Begins something that a server waits for when it stops.
    pub(crate) fn work(&self) -> Work {
        Work {
            _token: self.work.token(),
        }
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

/// SIGINT and SIGTERM, which stop the server, and SIGHUP, which doesn't.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    /// Whether there is anything to read again on SIGHUP.
    reloads: bool,
}

impl Signals {
    /// From now on none of them ends the process by itself.
    ///
    /// # Errors
    ///
    /// When the handlers can't be installed.
    pub fn install(config: &Config) -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            reloads: config.names_credentials(),
        })
    }

    /// Waits for the next one that stops the server.
    pub async fn next(&mut self) {
        let name = loop {
            tokio::select! {
                _ = self.interrupt.recv() => break "SIGINT",
                _ = self.terminate.recv() => break "SIGTERM",
                _ = self.hangup.recv() => self.told_to_reload(),
            }
        };
        info!("{name}");
    }

    /// Whoever holds files hears the signal, too, and reads them.
    fn told_to_reload(&self) {
        if self.reloads {
            info!("SIGHUP");
        } else {
            info!("SIGHUP: nothing to reload, neither certificates nor tokens are set");
        }
    }
}
