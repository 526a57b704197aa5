//! `cargo xtask demo`: emotions from a real stream, while it is still sent.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Error, Workspace, interrupts::Interrupts, replicas, server::Server};

/// Builds what it takes, and shows one stream to one server, or many to several.
pub(crate) fn run(
    workspace: &Workspace,
    audio: Option<PathBuf>,
    servers: NonZeroUsize,
) -> Result<(), Error> {
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
    match servers.get() {
        1 => stream(workspace, &audio),
        count => replicas::run(workspace, &audio, count),
    }
}

/// Serves the embedded model, streams `audio` to it, and stops it again.
fn stream(workspace: &Workspace, audio: &Path) -> Result<(), Error> {
    // From here on the server is stopped first, and only then the prompt comes back.
    let mut interrupts = Interrupts::hold()?;
    let server = Server::start(workspace, &mut interrupts)?;
    let program = workspace.program("ser-client");
    let (path, address) = (program.display(), &server.address);
    eprintln!("$ {path} stream --server {address} {}", audio.display());
    let mut client = Command::new(&program);
    client.args(["stream", "--server", address]).arg(audio);
    let status = interrupts.attend(client)?;
    server.stop()?;
    if status.success() {
        Ok(())
    } else {
        Err(Error::Client(status))
    }
}
