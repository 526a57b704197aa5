//! `cargo xtask demo`: emotions from a real stream, while it is still sent.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT};
use signal_hook::flag;
use xshell::cmd;

use crate::{Error, Workspace, server::Server};

/// Serves the embedded model, streams `audio` to it, and stops it again.
pub(crate) fn run(workspace: &Workspace, audio: Option<PathBuf>) -> Result<(), Error> {
    // The development profile: its dependencies are optimised already, and the
    // tests reuse what it builds.
    workspace
        .cargo()
        .args([
            "build",
            "--package",
            "ser-server",
            "--package",
            "ser-client",
            "--bins",
        ])
        .run()?;
    let audio = audio.unwrap_or_else(|| workspace.path("samples/demo.wav"));

    let interrupted = outlive_interrupts()?;
    let server = Server::start(workspace)?;
    if !interrupted.load(Ordering::Relaxed) {
        let client = workspace.program("ser-client");
        let address = &server.address;
        cmd!(
            workspace.shell,
            "{client} stream --server {address} {audio}"
        )
        .run()?;
    }
    server.stop()
}

/// Leaves Ctrl-C, and the end of the terminal, to the client: when it has gone,
/// the server is stopped and only then the prompt comes back. Gives whether there
/// was one.
fn outlive_interrupts() -> Result<Arc<AtomicBool>, Error> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGHUP] {
        flag::register(signal, Arc::clone(&interrupted)).map_err(|source| Error::Process {
            command: "xtask",
            source,
        })?;
    }
    Ok(interrupted)
}
