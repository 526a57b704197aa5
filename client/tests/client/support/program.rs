//! Runs `ser-client`.

use std::{
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command},
    time::timeout,
};

/// How long anything may take before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) async fn patiently<T>(what: impl Future<Output = T>) -> T {
    timeout(PATIENCE, what).await.expect("this takes forever")
}

/// The program while it runs.
pub(crate) struct Program {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Option<Lines<BufReader<ChildStdout>>>,
    stderr: ChildStderr,
}

/// How it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Program {
    pub(crate) fn start(address: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ser-client"))
            .args(arguments)
            .env("SER_CLIENT_SERVER", address)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let stderr = child.stderr.take().unwrap();
        Self {
            stdin: child.stdin.take(),
            stdout: Some(stdout),
            stderr,
            child,
        }
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().unwrap();
        patiently(stdin.write_all(bytes)).await.unwrap();
        patiently(stdin.flush()).await.unwrap();
    }

    pub(crate) async fn line(&mut self) -> String {
        let lines = self.stdout.as_mut().unwrap();
        patiently(lines.next_line())
            .await
            .unwrap()
            .expect("a further line")
    }

    pub(crate) fn close_stdin(&mut self) {
        self.stdin = None;
    }

    pub(crate) fn close_stdout(&mut self) {
        self.stdout = None;
    }

    pub(crate) fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    pub(crate) fn kill(&self) {
        self.signal(Signal::KILL);
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id().unwrap()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// What it still prints, and how it ends.
    pub(crate) async fn end(mut self) -> Ended {
        patiently(async {
            let mut stdout = String::new();
            if let Some(lines) = &mut self.stdout {
                while let Some(line) = lines.next_line().await.unwrap() {
                    stdout.push_str(&line);
                    stdout.push('\n');
                }
            }
            let mut stderr = String::new();
            self.stderr.read_to_string(&mut stderr).await.unwrap();
            let status: ExitStatus = self.child.wait().await.unwrap();
            Ended {
                code: status.code(),
                stdout,
                stderr,
            }
        })
        .await
    }
}

/// Runs it from start to end without input.
pub(crate) async fn run(address: &str, arguments: &[&str]) -> Ended {
    let mut program = Program::start(address, arguments);
    program.close_stdin();
    program.end().await
}

/// A folder with one audio file, removed on drop.
pub(crate) struct Recording {
    _folder: TempDir,
    path: PathBuf,
}

impl Recording {
    /// 16-bit mono at 8 kHz.
    pub(crate) fn of(samples: &[i16]) -> Self {
        Self::write("speech.wav", &wav(samples))
    }

    pub(crate) fn seconds(seconds: usize) -> Self {
        Self::of(&vec![1000; 8_000 * seconds])
    }

    pub(crate) fn write(name: &str, bytes: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        Self {
            _folder: folder,
            path,
        }
    }

    pub(crate) fn path(&self) -> &str {
        Path::to_str(&self.path).unwrap()
    }
}

pub(crate) fn wav(samples: &[i16]) -> Vec<u8> {
    wav_of(
        1,
        16,
        &samples
            .iter()
            .flat_map(|s| s.to_le_bytes())
            .collect::<Vec<_>>(),
    )
}

/// A mono WAV file at 8 kHz of the format `tag` (1 integer, 3 float).
pub(crate) fn wav_of(tag: u16, bits: u16, data: &[u8]) -> Vec<u8> {
    let size = u32::try_from(data.len()).unwrap();
    let frame_bytes = bits / 8;
    let mut wav = Vec::new();
    wav.extend_from_slice(b"RIFF");
    wav.extend_from_slice(&(36 + size).to_le_bytes());
    wav.extend_from_slice(b"WAVEfmt ");
    wav.extend_from_slice(&16_u32.to_le_bytes());
    wav.extend_from_slice(&tag.to_le_bytes());
    wav.extend_from_slice(&1_u16.to_le_bytes());
    wav.extend_from_slice(&8_000_u32.to_le_bytes());
    wav.extend_from_slice(&(8_000 * u32::from(frame_bytes)).to_le_bytes());
    wav.extend_from_slice(&frame_bytes.to_le_bytes());
    wav.extend_from_slice(&bits.to_le_bytes());
    wav.extend_from_slice(b"data");
    wav.extend_from_slice(&size.to_le_bytes());
    wav.extend_from_slice(data);
    wav
}
