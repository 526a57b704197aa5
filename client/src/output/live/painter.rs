//! The thread that has the terminal: it draws, and listens to keys. However slow
//! the terminal is, the stream goes on.

use std::{
    io,
    panic::resume_unwind,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::{
    Theme,
    screen::{self, Screen},
    state::State,
    view,
};
use crate::commands::{Mute, Stop};

/// The least time between two pictures.
const FRAME: Duration = Duration::from_millis(50);
/// How long a terminal may take to show the last picture.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is drawn. The stream changes it, the painter reads it; neither keeps it
/// for longer than that takes.
#[derive(Debug, Clone)]
pub(super) struct Shared(Arc<Mutex<State>>);

impl Shared {
    pub(super) fn new(state: State) -> Self {
        Self(Arc::new(Mutex::new(state)))
    }

    pub(super) fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        // A picture that failed halfway has changed nothing.
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The thread, which restores the terminal when it ends.
#[derive(Debug)]
pub(super) struct Painter {
    thread: Option<JoinHandle<io::Result<()>>>,
    over: Arc<AtomicBool>,
    /// Disconnected when the thread has ended.
    ended: mpsc::Receiver<()>,
}

impl Painter {
    pub(super) fn start(
        screen: Screen,
        state: Shared,
        theme: Theme,
        stop: Stop,
    ) -> io::Result<Self> {
        let over = Arc::new(AtomicBool::new(false));
        let (running, ended) = mpsc::channel();
        let thread = thread::Builder::new().name("view".to_owned()).spawn({
            let over = Arc::clone(&over);
            move || {
                let _running = running;
                paint(screen, &state, theme, &stop, &over)
            }
        })?;
        Ok(Self {
            thread: Some(thread),
            over,
            ended,
        })
    }

    /// Fails once the terminal can't be drawn on.
    pub(super) fn check(&mut self) -> io::Result<()> {
        match &self.thread {
            Some(thread) if thread.is_finished() => self.end(),
            _ => Ok(()),
        }
    }

    /// Gives the terminal back.
    pub(super) fn end(&mut self) -> io::Result<()> {
        self.over.store(true, Ordering::Relaxed);
        let Some(thread) = self.thread.take() else {
            return Ok(());
        };
        if self.ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            screen::restore_keys();
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the terminal takes no output",
            ));
        }
        thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    }
}

impl Drop for Painter {
    fn drop(&mut self) {
        // Whoever wants to know has ended it already.
        let _ = self.end();
    }
}

fn paint(
    mut screen: Screen,
    state: &Shared,
    theme: Theme,
    stop: &Stop,
    over: &AtomicBool,
) -> io::Result<()> {
    let mut drawn: Option<Instant> = None;
    while !over.load(Ordering::Relaxed) {
        let wait = drawn.map_or(Duration::ZERO, |drawn| {
            FRAME.saturating_sub(drawn.elapsed())
        });
        if event::poll(wait)? {
            match wish(&event::read()?) {
                Some(Wish::Stop) => stop.press(),
                Some(Wish::Mute) => state.with(|state| state.mute.iter().for_each(Mute::toggle)),
                #[cfg(unix)]
                Some(Wish::Suspend) => screen.suspend()?,
                _ => {}
            }
            continue;
        }
        if !screen::is_taken() {
            return Err(io::Error::other("the view ended with a panic"));
        }
        screen.terminal.draw(|frame| {
            state.with(|state| view::draw(state, theme, Instant::now(), frame));
        })?;
        drawn = Some(Instant::now());
    }
    Ok(())
}

/// What a key asks for.
#[derive(Debug, PartialEq, Eq)]
enum Wish {
    Stop,
    Mute,
    Suspend,
}

fn wish(event: &Event) -> Option<Wish> {
    let Event::Key(KeyEvent {
        code,
        modifiers,
        kind: KeyEventKind::Press,
        ..
    }) = event
    else {
        return None;
    };
    match (code, modifiers.contains(KeyModifiers::CONTROL)) {
        (KeyCode::Char('q') | KeyCode::Esc, false) | (KeyCode::Char('c'), true) => Some(Wish::Stop),
        (KeyCode::Char('m'), false) => Some(Wish::Mute),
        (KeyCode::Char('z'), true) => Some(Wish::Suspend),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_stop() {
        let press = |code, modifiers| Event::Key(KeyEvent::new(code, modifiers));
        for (code, modifiers, wished) in [
            (KeyCode::Char('q'), KeyModifiers::NONE, Some(Wish::Stop)),
            (KeyCode::Esc, KeyModifiers::NONE, Some(Wish::Stop)),
            (KeyCode::Char('c'), KeyModifiers::CONTROL, Some(Wish::Stop)),
            (
                KeyCode::Char('z'),
                KeyModifiers::CONTROL,
                Some(Wish::Suspend),
            ),
            (KeyCode::Char('m'), KeyModifiers::NONE, Some(Wish::Mute)),
            (KeyCode::Char('m'), KeyModifiers::CONTROL, None),
            (KeyCode::Char('c'), KeyModifiers::NONE, None),
            (KeyCode::Enter, KeyModifiers::NONE, None),
        ] {
            assert_eq!(wish(&press(code, modifiers)), wished, "{code:?}");
        }
        assert_eq!(wish(&Event::Resize(1, 1)), None);
    }

    #[cfg(unix)]
    mod panics {
        use std::{env, io::Read, num::NonZeroU16};

        use portable_pty::{CommandBuilder, PtySize, native_pty_system};
        use tokio::{runtime::Runtime, time::timeout};
        use vt100::Parser;

        use super::*;

        /// Set where the test runs in a terminal of its own.
        const IN_TERMINAL: &str = "SER_TEST_IN_TERMINAL";
        const LONG: Duration = Duration::from_secs(60);

        #[test]
        fn a_panic_anywhere_gives_the_terminal_back() {
            if env::var_os(IN_TERMINAL).is_some() {
                return panic_beside_a_view();
            }
            let size = PtySize::default();
            let terminal = native_pty_system().openpty(size).unwrap();
            let modes = || format!("{:?}", terminal.master.get_termios().unwrap());
            let before = modes();
            let mut command = CommandBuilder::new(env::current_exe().unwrap());
            let this =
                "output::live::painter::tests::panics::a_panic_anywhere_gives_the_terminal_back";
            command.args(["--exact", this, "--nocapture"]);
            command.env(IN_TERMINAL, "1");
            // It would fill the screen.
            command.env("RUST_BACKTRACE", "0");
            let mut child = terminal.slave.spawn_command(command).unwrap();
            let written = written(terminal.master.try_clone_reader().unwrap());
            let mut keyboard = terminal.master.take_writer().unwrap();

            let cells = |count| NonZeroU16::new(count).unwrap();
            let mut parser = Parser::new(cells(size.rows), cells(size.cols), 0);
            let mut pressed = false;
            let mut ended = false;
            while !ended {
                let Ok(bytes) = written.recv_timeout(LONG) else {
                    child.kill().unwrap();
                    panic!("{}", parser.screen().contents());
                };
                parser.process(&bytes);
                let shown = parser.screen().contents();
                if !pressed && shown.contains("connecting to") {
                    keyboard.write_all(b"q").unwrap();
                    pressed = true;
                }
                ended = shown.contains("test result: ");
            }
            let screen = parser.screen();
            let shown = screen.contents();
            assert!(child.wait().unwrap().success(), "{shown}");
            assert!(!screen.alternate_screen() && !screen.hide_cursor());
            assert!(shown.contains("nobody expects this"), "{shown}");
            assert!(!shown.contains("connecting to"), "{shown}");
            assert_eq!(modes(), before);
        }

        /// What a program writes to its terminal. Whoever waits for it can have a deadline.
        fn written(mut reader: Box<dyn Read + Send>) -> mpsc::Receiver<Vec<u8>> {
            let (send, written) = mpsc::sync_channel(1);
            thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(length @ 1..) = reader.read(&mut buffer) {
                    if send.send(buffer[..length].to_vec()).is_err() {
                        break;
                    }
                }
            });
            written
        }

        /// The test's part in the terminal, once a key is pressed.
        fn panic_beside_a_view() {
            let runtime = Runtime::new().unwrap();
            let _inside = runtime.enter();
            let stop = Stop::default();
            let state = Shared::new(State::new("http://here:1", None));
            let screen = Screen::enter().unwrap();
            let theme = Theme { colour: false };
            let mut painter = Painter::start(screen, state, theme, stop.clone()).unwrap();
            let pressed = timeout(LONG, stop.pressed());
            runtime.block_on(pressed).unwrap();
            let panicked = thread::spawn(|| panic!("nobody expects this")).join();
            assert!(panicked.is_err());
            let ended = painter.ended.recv_timeout(LONG);
            assert_eq!(ended, Err(RecvTimeoutError::Disconnected));
            let error = painter.end().unwrap_err();
            assert_eq!(error.to_string(), "the view ended with a panic");
        }
    }
}
