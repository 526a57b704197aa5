//! The name of a caller.

use std::{fmt, sync::Arc};

use tonic::Extensions;

/// Whoever a call comes from, under the name that logs, metrics and limits know. A
/// call that nobody has authenticated comes from [`Principal::default`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Principal {
    name: Arc<str>,
}

impl Principal {
    /// The caller of a request with these extensions.
    pub(crate) fn of(extensions: &Extensions) -> Self {
        extensions.get().cloned().unwrap_or_default()
    }
}

impl Default for Principal {
    fn default() -> Self {
        Self {
            name: "anonymous".into(),
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)
    }
}
