//! Log lines, for tests.

use std::{
    io,
    sync::{Arc, LazyLock, Mutex},
};

use tracing::{Dispatch, Level, subscriber::DefaultGuard};
use tracing_subscriber::fmt;

/// The log lines of this thread, from `INFO` on, as long as this is kept.
pub(crate) struct Lines {
    written: Sink,
    _default: DefaultGuard,
}

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    pub(crate) fn capture() -> Self {
        // While there is one subscriber alone, whether anybody wants a line is asked of the
        // thread that comes by it first, for all: mostly that of another test.
        static OTHER: LazyLock<Dispatch> =
            LazyLock::new(|| Dispatch::new(fmt().with_max_level(Level::INFO).finish()));
        LazyLock::force(&OTHER);
        let written = Sink::default();
        let sink = written.clone();
        let subscriber = fmt()
            .with_max_level(Level::INFO)
            .with_ansi(false)
            .without_time()
            .with_writer(move || sink.clone())
            .finish();
        Self {
            written,
            _default: tracing::subscriber::set_default(subscriber),
        }
    }

    /// Those that hold `text`, each with its level first.
    pub(crate) fn with(&self, text: &str) -> Vec<String> {
        let written = self.written.0.lock().unwrap();
        let written = str::from_utf8(&written).unwrap();
        let lines = written.lines().filter(|line| line.contains(text));
        lines.map(|line| line.trim().to_owned()).collect()
    }
}
