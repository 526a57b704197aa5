//! The terminal while the live view has it.

use std::{
    io::{self, Write},
    sync::{
        Once,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

#[cfg(unix)]
use std::sync::mpsc;

use crossterm::{
    cursor, event, execute,
    terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode},
};
use ratatui::{Terminal, backend::CrosstermBackend};

/// How long it may take until a stopped process stands still.
#[cfg(unix)]
const UNTIL_STOPPED: Duration = Duration::from_secs(1);

/// Whether there is something to restore.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// A terminal in raw mode, on its alternate screen. Dropping it, or a panic
/// anywhere, gives the terminal back as it was.
pub(super) struct Screen {
    pub(super) terminal: Drawing,
    /// Gives one when the process goes on after it was stopped.
    #[cfg(unix)]
    continued: mpsc::Receiver<()>,
}

type Drawing = Terminal<CrosstermBackend<Picture>>;

impl Screen {
    /// Fails where nobody could read keys or see anything.
    pub(super) fn enter() -> io::Result<Self> {
        restore_before_panics();
        #[cfg(unix)]
        let continued = continuations()?;
        let screen = || {
            take()?;
            // Opens the terminal for keys: standard input may be the audio.
            event::poll(Duration::ZERO)?;
            blank()
        };
        match screen() {
            Ok(terminal) => Ok(Self {
                terminal,
                #[cfg(unix)]
                continued,
            }),
            Err(error) => {
                restore();
                Err(error)
            }
        }
    }

    /// Stops this job, as Ctrl-Z does, and takes the terminal again when it goes on.
    #[cfg(unix)]
    pub(super) fn suspend(&mut self) -> io::Result<()> {
        restore();
        while self.continued.try_recv().is_ok() {}
        rustix::process::kill_current_process_group(rustix::process::Signal::TSTP)?;
        // Whichever thread takes the signal stops all of them, and this one may run on
        // until then. Where no shell could continue it, nothing is stopped.
        let _ = self.continued.recv_timeout(UNTIL_STOPPED);
        take()?;
        self.terminal = blank()?;
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

/// Gives one each time that the process goes on after it was stopped.
#[cfg(unix)]
fn continuations() -> io::Result<mpsc::Receiver<()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let kind = SignalKind::from_raw(rustix::process::Signal::CONT.as_raw());
    let mut signals = signal(kind)?;
    let (tell, told) = mpsc::sync_channel(1);
    tokio::spawn(async move {
        while signals.recv().await.is_some() {
            if let Err(mpsc::TrySendError::Disconnected(())) = tell.try_send(()) {
                break;
            }
        }
    });
    Ok(told)
}

/// For a screen on which nothing was drawn yet.
fn blank() -> io::Result<Drawing> {
    Terminal::new(CrosstermBackend::new(Picture::default()))
}

/// What is drawn until it is complete, and then shown at once.
#[derive(Debug, Default)]
pub(super) struct Picture(Vec<u8>);

impl Write for Picture {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    /// Shows nothing on a terminal that was given back meanwhile.
    fn flush(&mut self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        let shown = match is_taken() {
            true => out.write_all(&self.0),
            false => Ok(()),
        };
        self.0.clear();
        shown.and_then(|()| out.flush())
    }
}

/// Whether the terminal is still the view's.
pub(super) fn is_taken() -> bool {
    TAKEN.load(Ordering::SeqCst)
}

fn take() -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    execute!(io::stdout(), EnterAlternateScreen, cursor::Hide)
}

/// Gives the terminal back, once, and not in the middle of a picture.
fn restore() {
    let mut out = io::stdout().lock();
    if TAKEN.swap(false, Ordering::SeqCst) {
        // A terminal that has gone needs no restoring.
        let _ = execute!(out, cursor::Show, LeaveAlternateScreen);
        let _ = disable_raw_mode();
    }
}

/// Like [`restore`] for a terminal that takes no output: what the shell needs to
/// be typed into.
pub(super) fn restore_keys() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let _ = disable_raw_mode();
    }
}

/// Else nobody could read what the panic says.
fn restore_before_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore();
            report(panic);
        }));
    });
}
