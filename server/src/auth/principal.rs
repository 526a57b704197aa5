//! The name of a caller.

use std::{fmt, num::NonZeroUsize, sync::Arc};

use tonic::Extensions;

/// Whoever a call comes from, under the name that logs, metrics and limits know. A
/// call that nobody has authenticated comes from [`Principal::default`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Principal {
    name: Arc<str>,
    streams: Option<NonZeroUsize>,
}

/// What somebody may be called.
///
/// # Errors
///
/// What was expected instead.
pub fn principal_name(text: &str) -> Result<String, &'static str> {
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err("expected a name of printable characters");
    }
    Ok(text.to_owned())
}

impl Principal {
    /// Somebody whose credentials are good, and the limit on open streams that goes
    /// with them, if they have one of their own.
    pub(crate) fn new(name: impl Into<Arc<str>>, streams: Option<NonZeroUsize>) -> Self {
        Self {
            name: name.into(),
            streams,
        }
    }

    /// The caller of a request with these extensions.
    pub(crate) fn of(extensions: &Extensions) -> Self {
        extensions.get().cloned().unwrap_or_default()
    }

    /// How many streams it may have open, where that isn't what everybody may.
    pub(crate) fn streams(&self) -> Option<NonZeroUsize> {
        self.streams
    }
}

impl Default for Principal {
    fn default() -> Self {
        Self::new("anonymous", None)
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)
    }
}
