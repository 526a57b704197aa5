//! `cargo xtask demo`: emotions from a real stream, while it is still sent.

use std::io;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

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

    let failed = |source| Error::Process {
        command: "ser-client",
        source,
    };
    let mut signals = signals().map_err(failed)?;
    let server = Server::start(workspace)?;
    let interrupted = signals.pending().any(|signal| signal != SIGCHLD);
    if interrupted {
        return server.stop();
    }
    let program = workspace.program("ser-client");
    let (path, address) = (program.display(), &server.address);
    eprintln!("$ {path} stream --server {address} {}", audio.display());
    let mut client = Command::new(&program);
    client.args(["stream", "--server", address]).arg(audio);
    let status = attend(client, &mut signals).map_err(failed)?;
    server.stop()?;
    if status.success() {
        Ok(())
    } else {
        Err(Error::Client(status))
    }
}

/// From here on none of these ends this program: the server is stopped first, and
/// only then the prompt comes back.
fn signals() -> io::Result<Signals> {
    Signals::new([SIGINT, SIGHUP, SIGTERM, SIGCHLD])
}

/// Runs `client` to its end. Ctrl-C, and the end of the terminal, reach it without
/// us; to terminate, we tell it.
fn attend(mut client: Command, signals: &mut Signals) -> io::Result<ExitStatus> {
    let mut client = client.spawn()?;
    for signal in signals.forever() {
        if let Some(status) = client.try_wait()? {
            return Ok(status);
        }
        if signal == SIGTERM {
            kill_process(Pid::from_child(&client), Signal::TERM)?;
        }
    }
    client.wait()
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    fn attended(script: &str) -> ExitStatus {
        let mut shell = Command::new("sh");
        shell.args(["-c", script]);
        attend(shell, &mut signals().unwrap()).unwrap()
    }

    /// One test, since whichever runs meanwhile would hear the signal too.
    #[test]
    fn who_terminates_the_demo_terminates_the_client() {
        let status = attended("kill -TERM $PPID; exec sleep 60");
        assert_eq!(status.signal(), Some(SIGTERM));
        assert_eq!(attended("exit 3").code(), Some(3));
    }
}
