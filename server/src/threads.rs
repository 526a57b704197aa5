//! Threads of our own, for what an async worker can't wait for.

use std::thread;

use crate::Error;

/// Starts a thread that nobody waits for.
///
/// # Errors
///
/// [`Error::Io`] when the system has none to give.
pub(crate) fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<(), Error> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
        .map(drop)
        .map_err(|source| Error::Io {
            what: format!("thread {name}"),
            source,
        })
}
