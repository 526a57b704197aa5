//! What a reading of files notices beside their value.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

/// What a reading of files notices beside their value.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// What isn't wrong, but unwise, or will be wrong.
    pub(crate) warnings: Vec<String>,
    /// Whether it fails for nothing but that files don't belong together: one of them
    /// has been exchanged, and the other will be.
    pub(crate) is_halfway: bool,
}

impl Notes {
    /// Warns of something in the file at `path` that `key` names.
    pub(crate) fn warn(&mut self, key: &str, path: &Path, what: &str) {
        let warning = format!("{key}: {}: {what}", path.display());
        self.warnings.push(warning);
    }

    /// Warns if everybody on this machine can read or write what is to be kept from
    /// them.
    pub(crate) fn warn_of_mode(&mut self, key: &str, path: &Path) {
        // Whoever can't look at it can't read it either, which says more.
        let Ok(metadata) = fs::metadata(path) else {
            return;
        };
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o007 != 0 {
            let what =
                format!("open to everybody on this machine (mode {mode:04o}); expected 0640");
            self.warn(key, path, &what);
        }
    }
}
