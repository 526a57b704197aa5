//! The terminal while the live view has it.

use std::{
    io::{self, BufWriter, Stdout, Write},
    sync::{
        Once,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crossterm::{
    cursor, event, execute,
    terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode},
};
use ratatui::{Terminal, backend::CrosstermBackend};

/// Whether there is something to restore.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// A terminal in raw mode, on its alternate screen. Dropping it, or a panic
/// anywhere, gives the terminal back as it was.
pub(super) struct Screen {
    pub(super) terminal: Drawing,
}

type Drawing = Terminal<CrosstermBackend<BufWriter<Stdout>>>;

impl Screen {
    /// Fails where nobody could read keys or see anything.
    pub(super) fn enter() -> io::Result<Self> {
        restore_before_panics();
        take()?;
        let screen = || {
            // Opens the terminal for keys: standard input may be the audio.
            event::poll(Duration::ZERO)?;
            blank()
        };
        match screen() {
            Ok(terminal) => Ok(Self { terminal }),
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
        rustix::process::kill_current_process_group(rustix::process::Signal::TSTP)?;
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

/// For a screen on which nothing was drawn yet.
fn blank() -> io::Result<Drawing> {
    let out = BufWriter::with_capacity(64 * 1024, io::stdout());
    Terminal::new(CrosstermBackend::new(out))
}

fn take() -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    execute!(io::stdout(), EnterAlternateScreen, cursor::Hide)
}

/// Gives the terminal back, once.
fn restore() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        // A terminal that has gone needs no restoring.
        let _ = execute!(io::stdout(), cursor::Show, LeaveAlternateScreen);
        let _ = io::stdout().flush();
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
