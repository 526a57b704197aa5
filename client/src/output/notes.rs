//! What is said beside the results.

use std::io::{self, Stderr, Write};

use anstream::AutoStream;

/// Standard error. What can't be written there is lost: there is nobody left to be
/// told, and the results go on.
pub(crate) struct Notes(AutoStream<Stderr>);

pub(crate) fn notes() -> Notes {
    Notes(anstream::stderr())
}

impl Notes {
    /// Writes `text`, with the ends of its lines.
    pub(crate) fn say(&mut self, text: &str) {
        let _ = self.0.write_all(text.as_bytes());
    }
}

impl Write for Notes {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let _ = self.0.write_all(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _ = self.0.flush();
        Ok(())
    }
}
