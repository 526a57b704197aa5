//! How a stream is left before its audio ends.

use std::{future::pending, io};

use tokio::sync::watch;

/// Half-closes a stream, or leaves it at once, on behalf of whoever holds a clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop(watch::Sender<Asked>);

/// Why the program ends without the summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leave {
    /// Asked to by the user: twice, or before the stream had started.
    Interrupted,
    /// Asked to by whoever runs it.
    Terminated,
    /// Its terminal has gone.
    HungUp,
}

/// What was asked for so far.
#[derive(Debug, Default)]
struct Asked {
    started: bool,
    half_close: bool,
    pressed: bool,
    leave: Option<Leave>,
}

impl Stop {
    /// From here on there is a stream that can be half-closed.
    pub(crate) fn started(&self) {
        self.0.send_modify(|asked| asked.started = true);
    }

    /// Ends the audio: the results that are due still come, and the summary.
    pub(crate) fn half_close(&self) {
        self.0.send_modify(|asked| asked.half_close = true);
    }

    /// The user wants to stop. The first time half-closes, the second leaves.
    pub(crate) fn press(&self) {
        self.0.send_modify(|asked| {
            if asked.pressed || !asked.started {
                asked.leave = Some(Leave::Interrupted);
            }
            asked.pressed = true;
            asked.half_close = true;
        });
    }

    /// Waits for the user's wish to stop.
    pub(crate) async fn pressed(&self) {
        self.until(|asked| asked.pressed.then_some(())).await;
    }

    /// Whether the user has wished to stop.
    pub(crate) fn is_pressed(&self) -> bool {
        self.0.borrow().pressed
    }

    pub(crate) async fn half_closing(&self) {
        self.until(|asked| asked.half_close.then_some(())).await;
    }

    pub(crate) async fn leave(&self) -> Leave {
        self.until(|asked| asked.leave).await
    }

    async fn until<T>(&self, holds: impl Fn(&Asked) -> Option<T>) -> T {
        let mut changes = self.0.subscribe();
        loop {
            if let Some(found) = holds(&changes.borrow_and_update()) {
                return found;
            }
            if changes.changed().await.is_err() {
                // Not while `self` holds the sender.
                return pending().await;
            }
        }
    }

    /// From here on, Ctrl-C and the request to terminate end the stream, and no
    /// longer the process by itself.
    #[cfg(unix)]
    pub(crate) fn listen(&self) -> io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};

        let mut interrupts = signal(SignalKind::interrupt())?;
        let mut terminations = signal(SignalKind::terminate())?;
        let stop = self.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    Some(()) = interrupts.recv() => stop.press(),
                    Some(()) = terminations.recv() => stop.end(Leave::Terminated),
                    else => break,
                }
            }
        });
        Ok(())
    }

    /// From here on, Ctrl-C ends the stream, and no longer the process by itself.
    #[cfg(windows)]
    pub(crate) fn listen(&self) -> io::Result<()> {
        let mut interrupts = tokio::signal::windows::ctrl_c()?;
        let stop = self.clone();
        tokio::spawn(async move {
            while interrupts.recv().await.is_some() {
                stop.press();
            }
        });
        Ok(())
    }

    /// From here on, the end of the terminal ends the stream. Without this the
    /// system decides: under `nohup` the program goes on.
    #[cfg(unix)]
    pub(crate) fn listen_to_the_terminal(&self) -> io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};

        let mut hang_ups = signal(SignalKind::hangup())?;
        let stop = self.clone();
        tokio::spawn(async move {
            if hang_ups.recv().await.is_some() {
                stop.end(Leave::HungUp);
            }
        });
        Ok(())
    }

    #[cfg(unix)]
    fn end(&self, why: Leave) {
        self.0.send_modify(|asked| asked.leave = Some(why));
    }
}
