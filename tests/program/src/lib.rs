//! Programs while they run: what they print, line by line, and how they end.

#![allow(
    clippy::unwrap_used,
    reason = "test code: a failure here fails the test"
)]

use std::{process::Stdio, time::Duration};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    task::JoinHandle,
    time::timeout,
};

/// Longer than any honest answer takes, however slow the machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A program, killed when dropped.
pub struct Program {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Option<Lines<BufReader<ChildStdout>>>,
    /// Read to its end meanwhile, so that the program never waits for a reader.
    stderr: JoinHandle<String>,
}

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// None when a signal ended it.
    pub code: Option<i32>,
    /// What was not read line by line.
    pub stdout: String,
    /// All that it said there.
    pub stderr: String,
}

impl Program {
    /// Starts `command`, reading what it prints. Its standard input, if that is piped,
    /// stays open.
    ///
    /// # Panics
    ///
    /// When there is no such program.
    #[must_use]
    pub fn start(command: std::process::Command) -> Self {
        let mut child = Command::from(command)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("a program that runs");
        let stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut pipe = child.stderr.take().unwrap();
        let stderr = tokio::spawn(async move {
            let mut said = String::new();
            pipe.read_to_string(&mut said).await.unwrap();
            said
        });
        Self {
            stdin: child.stdin.take(),
            stdout: Some(stdout),
            stderr,
            child,
        }
    }

    /// Writes to its standard input.
    ///
    /// # Panics
    ///
    /// When it doesn't read, or not in time.
    pub async fn write(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().expect("piped, and not closed yet");
        let written = timeout(PATIENCE, async {
            stdin.write_all(bytes).await?;
            stdin.flush().await
        });
        written.await.expect("it reads").unwrap();
    }

    /// Ends its standard input.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// The next line of its standard output.
    ///
    /// # Panics
    ///
    /// When there is none, or none in time.
    pub async fn line(&mut self) -> String {
        let lines = self.stdout.as_mut().expect("not closed yet");
        let line = timeout(PATIENCE, lines.next_line()).await;
        let line = line.expect("a line in time").unwrap();
        let Some(line) = line else {
            let said = timeout(PATIENCE, &mut self.stderr).await;
            let said = said.expect("no further line, and an end").unwrap();
            panic!("no further line; it said {said}");
        };
        line
    }

    /// Reads no more of its standard output.
    pub fn close_stdout(&mut self) {
        self.stdout = None;
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let id = self.child.id().expect("it still runs");
        let id = Pid::from_raw(id.cast_signed()).unwrap();
        kill_process(id, signal).unwrap();
    }

    /// What it still prints, and how it ends.
    ///
    /// # Panics
    ///
    /// When it doesn't end in time.
    pub async fn end(mut self) -> Ended {
        let mut stdout = String::new();
        let rest = async {
            let Some(lines) = &mut self.stdout else {
                return;
            };
            while let Some(line) = lines.next_line().await.unwrap() {
                stdout.push_str(&line);
                stdout.push('\n');
            }
        };
        let end = async {
            let ((), stderr) = tokio::join!(rest, self.stderr);
            (self.child.wait().await.unwrap(), stderr.unwrap())
        };
        let (status, stderr) = timeout(PATIENCE, end).await.expect("it ends");
        Ended {
            code: status.code(),
            stdout,
            stderr,
        }
    }
}

/// Runs `command` from start to end, with nothing written to it.
pub async fn run(command: std::process::Command) -> Ended {
    let mut program = Program::start(command);
    program.close_stdin();
    program.end().await
}

impl Ended {
    /// Asserts how the program ended, and that it said all of `said`.
    ///
    /// # Panics
    ///
    /// When it did not.
    #[track_caller]
    pub fn assert(&self, code: i32, said: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:#?}");
        for text in said {
            assert!(self.stderr.contains(text), "{text:?} is missing: {self:#?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn much_that_it_says_holds_up_no_line() {
        let mut command = std::process::Command::new("sh");
        command.args(["-c", "yes | head -c 1000000 >&2; echo line"]);
        let mut program = Program::start(command);
        assert_eq!(program.line().await, "line");
        let ended = program.end().await;
        ended.assert(0, &["y\ny\n"]);
        assert_eq!(ended.stderr.len(), 1_000_000);
    }
}
