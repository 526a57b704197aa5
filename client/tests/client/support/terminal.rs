//! Runs `ser-client` in a terminal.

use std::{
    io::{Read, Write},
    num::NonZeroU16,
    sync::{Arc, Mutex},
};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, SlavePty, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{sync::watch, task::spawn_blocking, time::timeout};
use vt100::{Parser, Screen};

use super::program::{PATIENCE, patiently};

/// The program in a terminal, while it runs.
pub(crate) struct Terminal {
    master: Box<dyn MasterPty>,
    /// Kept open, so that the terminal outlives the program.
    slave: Box<dyn SlavePty + Send>,
    keyboard: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    parser: Arc<Mutex<Parser>>,
    drawn: watch::Receiver<()>,
    /// The modes before the program began, as text.
    modes: String,
}

/// How it ended.
pub(crate) struct Left {
    pub(crate) code: u32,
    pub(crate) screen: Screen,
}

impl Terminal {
    /// Starts `ser-client` with `arguments` in a terminal of this size.
    pub(crate) fn start(columns: u16, rows: u16, address: &str, arguments: &[&str]) -> Self {
        Self::start_with(columns, rows, address, arguments, &[])
    }

    pub(crate) fn start_with(
        columns: u16,
        rows: u16,
        address: &str,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let mut command = program(env!("CARGO_BIN_EXE_ser-client"));
        command.args(arguments);
        for (name, value) in environment {
            command.env(name, value);
        }
        Self::run(columns, rows, address, command)
    }

    /// Starts `script`, in which `$CLIENT` is `ser-client`.
    pub(crate) fn shell(columns: u16, rows: u16, address: &str, script: &str) -> Self {
        let mut command = program("sh");
        command.args(["-c", script]);
        command.env("CLIENT", env!("CARGO_BIN_EXE_ser-client"));
        Self::run(columns, rows, address, command)
    }

    fn run(columns: u16, rows: u16, address: &str, mut command: CommandBuilder) -> Self {
        command.env("SER_CLIENT_SERVER", address);
        let pair = native_pty_system().openpty(size(columns, rows)).unwrap();
        let modes = format!("{:?}", pair.master.get_termios().unwrap());
        let child = pair.slave.spawn_command(command).unwrap();
        let reader = pair.master.try_clone_reader().unwrap();
        let keyboard = pair.master.take_writer().unwrap();
        let parser = Parser::new(cells(rows), cells(columns), 0);
        let parser = Arc::new(Mutex::new(parser));
        let (draw, drawn) = watch::channel(());
        std::thread::spawn({
            let parser = Arc::clone(&parser);
            move || watch_screen(reader, &parser, &draw)
        });
        Self {
            master: pair.master,
            slave: pair.slave,
            keyboard,
            child,
            parser,
            drawn,
            modes,
        }
    }

    /// The screen, as soon as it shows all of `texts`.
    pub(crate) async fn shows(&mut self, texts: &[&str]) -> Screen {
        let looked = async {
            loop {
                self.drawn.borrow_and_update();
                let screen = self.parser.lock().unwrap().screen().clone();
                let rows = rows(&screen);
                if texts
                    .iter()
                    .all(|text| rows.iter().any(|row| row.contains(text)))
                {
                    return Some(screen);
                }
                if self.drawn.changed().await.is_err() {
                    return None;
                }
            }
        };
        match timeout(PATIENCE, looked).await {
            Ok(Some(screen)) => screen,
            _ => panic!(
                "{texts:?} never shown: {:#?}",
                rows(self.parser.lock().unwrap().screen())
            ),
        }
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        let mut parser = self.parser.lock().unwrap();
        parser.screen_mut().set_size(cells(rows), cells(columns));
        self.master.resize(size(columns, rows)).unwrap();
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.process_id().unwrap()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// Waits for the program, and checks that it leaves the terminal as it found it.
    pub(crate) async fn end(self) -> Left {
        let Self {
            master,
            slave,
            keyboard,
            mut child,
            parser,
            mut drawn,
            modes,
        } = self;
        let status = patiently(spawn_blocking(move || child.wait())).await;
        let status = status.unwrap().unwrap();
        assert_eq!(format!("{:?}", master.get_termios().unwrap()), modes);
        // The reader ends when nobody has the terminal open any more.
        drop((slave, keyboard));
        patiently(async { while drawn.changed().await.is_ok() {} }).await;
        let screen = parser.lock().unwrap().screen().clone();
        assert!(!screen.alternate_screen() && !screen.hide_cursor());
        Left {
            code: status.exit_code(),
            screen,
        }
    }
}

/// In a terminal of colours, whatever the tests run in.
fn program(name: &str) -> CommandBuilder {
    let mut command = CommandBuilder::new(name);
    command.env("TERM", "xterm-256color");
    command.env_remove("NO_COLOR");
    command
}

fn watch_screen(mut reader: impl Read, parser: &Mutex<Parser>, drawn: &watch::Sender<()>) {
    let mut buffer = [0; 4096];
    // Linux ends the read of a terminal that nobody has open with EIO.
    while let Ok(length @ 1..) = reader.read(&mut buffer) {
        parser.lock().unwrap().process(&buffer[..length]);
        drawn.send_replace(());
    }
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize {
        rows,
        cols: columns,
        pixel_width: 0,
        pixel_height: 0,
    }
}

fn cells(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).unwrap()
}

/// The text of every row, as wide as the screen.
pub(crate) fn rows(screen: &Screen) -> Vec<String> {
    screen.rows(0, screen.size().1.get()).collect()
}
