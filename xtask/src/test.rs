//! `cargo xtask test`: every test that this machine can run.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::gpu::NEEDS_GPU;
use crate::prometheus::NEEDS_PROMETHEUS;
use crate::stopwatch::Stopwatch;
use crate::tally::Tally;
use crate::{Error, Workspace, onnxruntime, setup};

/// What the name of a test on corpora contains. These tests are ignored, as are
/// those that need `SER_PYTHON`, `ORT_DYLIB_PATH` or PulseAudio, so that a bare
/// `cargo test` passes; here there are always a Python, an ONNX Runtime and a
/// PulseAudio. Those that need a GPU are for `cargo xtask gpu`, and those that need
/// Prometheus for `cargo xtask verify`.
const NEEDS_CORPORA: &str = "real_speech";

/// Runs all tests, those on corpora too if `SER_CORPORA` names a folder, and
/// closes with their counts.
pub(crate) fn run(workspace: &Workspace) -> Result<(), Error> {
    let (tally, result) = timed(
        workspace,
        &mut Stopwatch::default(),
        corpora(None)?.as_deref(),
    );
    println!("\n{tally}");
    result
}

/// The folder of the corpora: the argument, or else `SER_CORPORA`, or none.
/// Absolute, since every test program runs in its own crate's folder.
pub(crate) fn corpora(argument: Option<PathBuf>) -> Result<Option<PathBuf>, Error> {
    let variable = std::env::var_os("SER_CORPORA").filter(|value| !value.is_empty());
    let Some(folder) = argument.or(variable.map(PathBuf::from)) else {
        return Ok(None);
    };
    match folder.canonicalize() {
        Ok(folder) if folder.is_dir() => Ok(Some(folder)),
        _ => Err(Error::Corpora(folder)),
    }
}

/// Sets up, builds and runs the tests as three steps of `watch`. Counts what
/// ran even where tests failed.
pub(crate) fn timed(
    workspace: &Workspace,
    watch: &mut Stopwatch,
    corpora: Option<&Path>,
) -> (Tally, Result<(), Error>) {
    let mut tally = Tally::default();
    let result = watch
        .time("set-up", || Tools::find(workspace))
        .and_then(|tools| watch.time("build", || build(workspace)).map(|()| tools))
        .and_then(|tools| watch.time("test", || test(workspace, &tools, corpora, &mut tally)));
    (tally, result)
}

/// What tests measure against and run on.
struct Tools {
    /// `SER_PYTHON`.
    python: PathBuf,
    /// `ORT_DYLIB_PATH`.
    onnxruntime: PathBuf,
}

impl Tools {
    /// Installs what is missing.
    fn find(workspace: &Workspace) -> Result<Self, Error> {
        setup::sound_server(workspace)?;
        Ok(Self {
            python: setup::python(workspace)?,
            onnxruntime: onnxruntime::library(workspace)?,
        })
    }
}

/// `--tests` together with `--bins` activates the features of development
/// dependencies for the programs too, so that nothing is built twice.
fn build(workspace: &Workspace) -> Result<(), Error> {
    Ok(workspace
        .cargo()
        .args(["build", "--workspace", "--bins", "--tests", "--examples"])
        .run()?)
}

fn test(
    workspace: &Workspace,
    tools: &Tools,
    corpora: Option<&Path>,
    tally: &mut Tally,
) -> Result<(), Error> {
    let failed = |source| Error::Process {
        command: "cargo test",
        source,
    };
    let flags = ["--workspace", "--no-fail-fast", "--", "--include-ignored"];
    let command = workspace.cargo().arg("test").args(flags);
    let command = command.args(["--skip", NEEDS_GPU, "--skip", NEEDS_PROMETHEUS]);
    let command = match corpora {
        Some(folder) => command.env("SER_CORPORA", folder),
        None => command.args(["--skip", NEEDS_CORPORA]),
    }
    .env("SER_PYTHON", &tools.python)
    .env("ORT_DYLIB_PATH", &tools.onnxruntime);
    println!("$ {command}");
    let mut child = Command::from(command)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let output = child
        .stdout
        .take()
        .expect("its standard output was asked for");
    for line in BufReader::new(output).lines() {
        let line = line.map_err(failed)?;
        println!("{line}");
        tally.read_line(&line);
    }
    let status = child.wait().map_err(failed)?;
    if status.success() {
        Ok(())
    } else {
        Err(Error::Tests(status))
    }
}
