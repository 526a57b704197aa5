//! Runs `ser-client`.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use ser_test_program::Program;
pub(crate) use ser_test_program::{Ended, PATIENCE};
use tempfile::TempDir;
use tokio::time::timeout;

pub(crate) async fn patiently<T>(what: impl Future<Output = T>) -> T {
    timeout(PATIENCE, what).await.expect("this takes forever")
}

fn command(address: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ser-client"));
    command
        .args(arguments)
        .env("SER_CLIENT_SERVER", address)
        .stdin(Stdio::piped());
    command
}

pub(crate) fn start(address: &str, arguments: &[&str]) -> Program {
    Program::start(command(address, arguments))
}

/// Runs it from start to end without input.
pub(crate) async fn run(address: &str, arguments: &[&str]) -> Ended {
    ser_test_program::run(command(address, arguments)).await
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
