//! Signals that would end this program, held until what it started has stopped.

use std::io;
use std::process::{Command, ExitStatus};

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::Error;

/// While this lives, none of them ends this program.
pub(crate) struct Interrupts {
    signals: Signals,
    come: bool,
}

impl Interrupts {
    pub(crate) fn hold() -> Result<Self, Error> {
        let signals = Signals::new([SIGINT, SIGHUP, SIGTERM, SIGCHLD]);
        let signals = signals.map_err(|source| Error::Process {
            command: "xtask",
            source,
        })?;
        let come = false;
        Ok(Self { signals, come })
    }

    /// Fails once there was one.
    pub(crate) fn check(&mut self) -> Result<(), Error> {
        self.come |= self.signals.pending().any(|signal| signal != SIGCHLD);
        if self.come {
            Err(Error::Interrupted)
        } else {
            Ok(())
        }
    }

    /// Runs `client` to its end. Ctrl-C, and the end of the terminal, reach it without
    /// us; to terminate, we tell it.
    pub(crate) fn attend(&mut self, client: Command) -> Result<ExitStatus, Error> {
        self.until_exit(client).map_err(|source| Error::Process {
            command: "ser-client",
            source,
        })
    }

    fn until_exit(&mut self, mut client: Command) -> io::Result<ExitStatus> {
        let mut client = client.spawn()?;
        for signal in self.signals.forever() {
            self.come |= signal != SIGCHLD;
            if let Some(status) = client.try_wait()? {
                return Ok(status);
            }
            if signal == SIGTERM {
                kill_process(Pid::from_child(&client), Signal::TERM)?;
            }
        }
        client.wait()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    /// One test, since whichever runs meanwhile would hear the signal too.
    #[test]
    fn who_terminates_us_terminates_the_client() {
        let mut interrupts = Interrupts::hold().unwrap();
        let mut attended = |script: &str| {
            let mut shell = Command::new("sh");
            shell.args(["-c", script]);
            interrupts.attend(shell).unwrap()
        };
        let status = attended("kill -TERM $PPID; exec sleep 60");
        assert_eq!(status.signal(), Some(SIGTERM));
        assert_eq!(attended("exit 3").code(), Some(3));
        assert!(matches!(interrupts.check(), Err(Error::Interrupted)));
    }
}
