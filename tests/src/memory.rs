//! What memory a process has, as Linux tells it.

use std::fs;

/// Resident memory in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// What the process has.
    pub now: u64,
    /// The most that it had so far.
    pub peak: u64,
}

impl Memory {
    /// That of a process of this machine.
    ///
    /// # Panics
    ///
    /// When there is no such process.
    #[must_use]
    pub fn of(process: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kibibytes = line.unwrap().trim().trim_end_matches(" kB");
            kibibytes.parse::<u64>().unwrap() * 1024
        };
        Self {
            now: bytes("VmRSS:"),
            peak: bytes("VmHWM:"),
        }
    }
}
