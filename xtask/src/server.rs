//! A server to show something with.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::{Error, Workspace, interrupts::Interrupts, log::Log};

/// How long the server may take to start, and to stop.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often to look for signals while the server has nothing to say.
const GLANCE: Duration = Duration::from_millis(100);

fn failed(source: std::io::Error) -> Error {
    Error::Process {
        command: "ser-server",
        source,
    }
}

/// Killed when dropped: no early return leaves a process behind.
pub(crate) struct Process(Child);

impl Process {
    /// Starts a program in a process group of its own, where it doesn't hear Ctrl-C.
    pub(crate) fn spawn(mut command: Command) -> std::io::Result<Self> {
        command.process_group(0).stdin(Stdio::null());
        command.spawn().map(Self)
    }

    /// What was piped of its standard output.
    pub(crate) fn output(&mut self) -> Option<ChildStdout> {
        self.0.stdout.take()
    }

    pub(crate) fn wait(&mut self) -> std::io::Result<ExitStatus> {
        self.0.wait()
    }
}

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
    /// The port of its metrics on this machine.
    pub(crate) metrics: u16,
    /// What the server logs while the client has the terminal.
    log: Log,
}

impl Server {
    /// Starts the server on a free port and waits until it serves, unless interrupted.
    pub(crate) fn start(workspace: &Workspace, interrupts: &mut Interrupts) -> Result<Self, Error> {
        let folder = workspace.shell.create_temp_dir()?;
        let port_file = folder.path().join("port");
        let metrics_file = folder.path().join("metrics");
        let mut command = Command::new(workspace.program("ser-server"));
        command
            .args(["--listen", "127.0.0.1:0", "--port-file"])
            .arg(&port_file)
            .env("SER__METRICS__LISTEN", "127.0.0.1:0")
            .env("SER__METRICS__PORT_FILE", &metrics_file);
        let mut process = spawn(command)?;
        let log = Log::of(process.0.stderr.take().expect("it was asked for"));
        let port = port(&mut process, &log, &port_file, interrupts)?;
        let address = format!("http://127.0.0.1:{port}");

        let mut client = Command::new(workspace.program("ser-client"));
        client.args(["health", "--server", &address, "--wait", "30s"]);
        let status = interrupts.attend(client)?;
        interrupts.check()?;
        if !status.success() {
            return Err(Error::Client(status));
        }
        let metrics = read(&metrics_file).ok_or(Error::NotReadyInTime(PATIENCE))?;
        Ok(Self {
            process,
            address,
            metrics,
            log,
        })
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

/// Starts a server whose log is read.
fn spawn(mut command: Command) -> Result<Process, Error> {
    command.stderr(Stdio::piped());
    Process::spawn(command).map_err(failed)
}

/// The port that a server has written.
fn read(file: &Path) -> Option<u16> {
    std::fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// Waits until the server listens. It writes the port before it logs that, so each line
/// is an occasion to look, and the end of them means that it died.
fn port(
    process: &mut Process,
    log: &Log,
    port_file: &Path,
    interrupts: &mut Interrupts,
) -> Result<u16, Error> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        interrupts.check()?;
        match log.show_line(deadline.min(Instant::now() + GLANCE)) {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout) if Instant::now() < deadline => continue,
            Err(RecvTimeoutError::Timeout) => return Err(Error::NotReadyInTime(PATIENCE)),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Error::NotReady(process.0.wait().map_err(failed)?));
            }
        }
        if let Some(port) = read(port_file) {
            return Ok(port);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_ends_the_wait_for_a_server_that_says_nothing() {
        let mut interrupts = Interrupts::hold().unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", "kill -HUP $PPID; exec sleep 1000"]);
        let mut process = spawn(shell).unwrap();
        let log = Log::of(process.0.stderr.take().unwrap());
        let port = port(&mut process, &log, Path::new("/nowhere"), &mut interrupts);
        assert!(matches!(port, Err(Error::Interrupted)), "{port:?}");
    }
}
