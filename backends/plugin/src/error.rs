//! Why a library is no plugin.

use std::path::PathBuf;

/// Why a library is no plugin that this server can use. Every variant's message
/// begins with the library's path.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// There is no such file.
    #[error("{}: no such file", .path.display())]
    Missing {
        /// The library.
        path: PathBuf,
    },
    /// The system's loader refuses it.
    #[error("{}: no shared library that loads here: {reason}", .path.display())]
    Open {
        /// The library.
        path: PathBuf,
        /// What the loader says.
        reason: String,
    },
    /// It doesn't export the handshake.
    #[error(
        "{}: symbol {symbol} is missing; expected a library made with ser_backend_plugin.h",
        .path.display()
    )]
    MissingSymbol {
        /// The library.
        path: PathBuf,
        /// The symbol.
        symbol: &'static str,
    },
    /// It speaks another version of the ABI.
    #[error("{}: ABI {found}; expected ABI {expected}", .path.display())]
    Abi {
        /// The library.
        path: PathBuf,
        /// The version of its table, or that it has none for us.
        found: String,
        /// The version that this crate speaks.
        expected: u32,
    },
    /// It was compiled with other structs.
    #[error("{}: struct {name} has {found} bytes; expected {expected}", .path.display())]
    StructSize {
        /// The library.
        path: PathBuf,
        /// The struct as the header calls it.
        name: &'static str,
        /// Its size in the plugin.
        found: usize,
        /// Its size here.
        expected: usize,
    },
    /// Its table has a hole.
    #[error("{}: ser_plugin.{member} is missing", .path.display())]
    Incomplete {
        /// The library.
        path: PathBuf,
        /// The member of `struct ser_plugin`.
        member: &'static str,
    },
    /// Its table has a text that says nothing.
    #[error("{}: ser_plugin.{member} is null, empty or no UTF-8", .path.display())]
    NoText {
        /// The library.
        path: PathBuf,
        /// The member of `struct ser_plugin`.
        member: &'static str,
    },
    /// It doesn't come back from loading, or there is no thread for that.
    #[error("{}: {reason}", .path.display())]
    Deadline {
        /// The library.
        path: PathBuf,
        /// What has not returned.
        reason: String,
    },
}
