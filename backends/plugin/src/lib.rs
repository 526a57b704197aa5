//! Backends in shared libraries.
//!
//! A plugin is a library that speaks the C ABI of `include/ser_backend_plugin.h`;
//! `docs/plugins.md` shows how to write one. [`PluginBackend`] makes a
//! [`Backend`](ser_backend::Backend) of it.
//!
//! A plugin shares the process: a crash in it ends the server. A library stays
//! loaded until the process exits, and a call that is late goes on in the thread
//! that was given up on; see [`Deadlines`].

mod backend;
mod border;
mod deadline;
mod error;
mod model;

pub use backend::{Deadlines, PluginBackend};
pub use error::PluginError;
