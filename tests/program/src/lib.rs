//! Programs while they run: what they print, line by line, and how they end.

#![allow(
    clippy::unwrap_used,
    reason = "test code: a failure here fails the test"
)]

use std::{process::Stdio, time::Duration};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command},
    time::timeout,
};

/// Longer than any honest answer takes, however slow the machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A program, killed when dropped.
pub struct Program {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Option<Lines<BufReader<ChildStdout>>>,
    stderr: ChildStderr,
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
        let stderr = child.stderr.take().unwrap();
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
            let mut said = String::new();
            self.stderr.read_to_string(&mut said).await.unwrap();
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
        let (mut stdout, mut stderr) = (String::new(), String::new());
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
            tokio::join!(rest, async {
                self.stderr.read_to_string(&mut stderr).await.unwrap();
            });
            self.child.wait().await.unwrap()
        };
        let status = timeout(PATIENCE, end).await.expect("it ends");
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
