//! `cargo xtask screenshot`: the pictures of the documentation, taken anew.

use xshell::cmd;

use crate::{Error, Workspace, interrupts::Interrupts, server::Server};

/// Columns and rows of the terminal.
const SIZE: [&str; 2] = ["100", "32"];
/// The picture is taken when the program shows this: so much audio has left.
const MOMENT: &str = "sent 0:11.00";

/// Streams the sample through a real server, in a terminal that nobody sees.
pub(crate) fn run(workspace: &Workspace) -> Result<(), Error> {
    workspace
        .cargo()
        .args(["build", "--package", "ser-server", "--bins"])
        .run()?;
    workspace
        .cargo()
        .args([
            "build",
            "--package",
            "ser-client",
            "--bins",
            "--example",
            "screenshot",
        ])
        .run()?;
    let mut interrupts = Interrupts::hold()?;
    let server = Server::start(workspace, &mut interrupts)?;
    let program = workspace.program("examples/screenshot");
    let client = workspace.program("ser-client");
    let address = &server.address;
    let sample = workspace.path("samples/demo.wav");
    let picture = cmd!(
        workspace.shell,
        "{program} {SIZE...} {MOMENT} {client} stream --server {address} {sample}"
    )
    .read()?;
    interrupts.check()?;
    workspace.shell.write_file(
        workspace.path("docs/images/live.svg"),
        format!("{picture}\n"),
    )?;
    server.stop()
}
