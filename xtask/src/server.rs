//! A server to show something with.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use xshell::cmd;

use crate::{Error, Workspace, log::Log};

/// How long the server may take to start, and to stop.
const PATIENCE: Duration = Duration::from_secs(60);

fn failed(source: std::io::Error) -> Error {
    Error::Process {
        command: "ser-server",
        source,
    }
}

/// Killed when dropped: no early return leaves a process behind.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only for a process that is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server that is ready.
pub(crate) struct Server {
    process: Process,
    pub(crate) address: String,
    /// What the server logs while the client has the terminal.
    log: Log,
}

impl Server {
    /// Starts the server on a free port and waits until it serves.
    pub(crate) fn start(workspace: &Workspace) -> Result<Self, Error> {
        let folder = workspace.shell.create_temp_dir()?;
        let port_file = folder.path().join("port");
        let mut command = Command::new(workspace.program("ser-server"));
        command
            .args(["--listen", "127.0.0.1:0", "--port-file"])
            .arg(&port_file);
        // In a process group of its own, it doesn't hear Ctrl-C.
        command
            .process_group(0)
            .stdin(Stdio::null())
            .stderr(Stdio::piped());
        let mut process = Process(command.spawn().map_err(failed)?);
        let log = Log::of(process.0.stderr.take().expect("it was asked for"));

        // The server writes the port before it logs that it listens, so each
        // line is an occasion to look, and the end of them means that it died.
        let deadline = Instant::now() + PATIENCE;
        let port = loop {
            match log.show_line(deadline) {
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout) => return Err(Error::NotReadyInTime(PATIENCE)),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Error::NotReady(process.0.wait().map_err(failed)?));
                }
            }
            let port = std::fs::read_to_string(&port_file).ok();
            if let Some(port) = port.and_then(|text| text.trim().parse::<u16>().ok()) {
                break port;
            }
        };
        let server = Self {
            process,
            address: format!("http://127.0.0.1:{port}"),
            log,
        };
        let client = workspace.program("ser-client");
        let address = &server.address;
        cmd!(
            workspace.shell,
            "{client} health --server {address} --wait 30s"
        )
        .quiet()
        .run()?;
        Ok(server)
    }

    /// Asks the server to stop, as an orchestrator would, and expects it to say
    /// that all went well.
    pub(crate) fn stop(mut self) -> Result<(), Error> {
        kill_process(Pid::from_child(&self.process.0), Signal::TERM)
            .map_err(|errno| failed(errno.into()))?;
        let deadline = Instant::now() + PATIENCE;
        let ended = loop {
            if let Err(end) = self.log.show_line(deadline) {
                break end;
            }
        };
        if ended == RecvTimeoutError::Timeout {
            return Err(Error::NotStopping(PATIENCE));
        }
        let status = self.process.0.wait().map_err(failed)?;
        if status.success() {
            Ok(())
        } else {
            Err(Error::UncleanStop(status))
        }
    }
}
