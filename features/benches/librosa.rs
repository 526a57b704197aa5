//! The front end against librosa recomputing each 3 s window every 0.5 s, in one
//! run on one core. `SER_PYTHON` names a Python with librosa 0.11:
//!
//! ```text
//! SER_PYTHON=python3 taskset -c 0 cargo bench -p ser-features --bench librosa
//! ```
//!
//! Both sides report the best of several passes, in CPU time: what else runs on
//! the machine doesn't count.

#![allow(clippy::unwrap_used, reason = "the settings are constants")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::io::Write;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use common::signals::signal;
use common::{rate, seed};
use cpu_time::ProcessTime;
use ser_features::{FrontEnd, FrontEndPlan, WindowRequest};

const MODEL_HZ: u32 = 22_050;
const SECONDS: usize = 60;
/// Enough for one of them to be undisturbed.
const PASSES: usize = 25;

fn main() -> ExitCode {
    let Some(python) = std::env::var_os("SER_PYTHON") else {
        println!("skipped: SER_PYTHON doesn't name a Python with librosa");
        return ExitCode::SUCCESS;
    };
    let librosa = librosa(&python);
    println!(
        "librosa, 3 s every 0.5 s:  {:8.1} µs a stream-second",
        librosa * 1e6
    );
    let mut worst = 0.0_f64;
    for hz in [MODEL_HZ, 8_000, 16_000, 44_100, 48_000] {
        let ours = front_end(hz);
        let ratio = ours / librosa;
        worst = worst.max(ratio);
        println!(
            "front end at {hz:>6} Hz:    {:8.1} µs a stream-second, 1/{:.0} of librosa",
            ours * 1e6,
            1.0 / ratio
        );
    }
    if worst > 0.1 {
        println!("more than 1/10 of librosa");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// CPU seconds per second of audio.
fn librosa(python: &std::ffi::OsStr) -> f64 {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/recompute.py");
    let mut child = Command::new(python)
        .arg(script)
        // One thread, as one stream gets.
        .env("OMP_NUM_THREADS", "1")
        .env("OPENBLAS_NUM_THREADS", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("SER_PYTHON names a program");
    let samples = signal("speech", SECONDS * MODEL_HZ as usize);
    let bytes: Vec<u8> = samples
        .iter()
        .flat_map(|x| ((x * 32_768.0) as i16).to_le_bytes())
        .collect();
    let mut stdin = child.stdin.take().expect("standard input is piped");
    stdin.write_all(&bytes).expect("the script reads its input");
    drop(stdin);
    let output = child.wait_with_output().expect("the script ends");
    assert!(output.status.success(), "{script} failed");
    let seconds = String::from_utf8(output.stdout).expect("the script prints a number");
    seconds.trim().parse().expect("the script prints a number")
}

/// CPU seconds per second of audio.
fn front_end(hz: u32) -> f64 {
    let (front_end, windows) = seed();
    let request = WindowRequest::default();
    let plan = FrontEndPlan::windowed(&front_end, &windows, request, rate(hz)).unwrap();
    let samples = signal("speech", SECONDS * hz as usize);
    let mut best = Duration::MAX;
    for _ in 0..PASSES {
        let mut lane = FrontEnd::new(plan.clone());
        let mut checksum = 0.0;
        let start = ProcessTime::now();
        for chunk in samples.chunks(hz as usize / 10) {
            lane.push(chunk, &mut |segment| checksum += segment.features[0]);
        }
        lane.finish(&mut |segment| checksum += segment.features[0]);
        best = best.min(start.elapsed());
        assert!(std::hint::black_box(checksum).is_finite());
    }
    best.as_secs_f64() / SECONDS as f64
}
