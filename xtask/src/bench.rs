//! `cargo xtask bench`: the figures of `docs/benchmarks.md`.

use crate::{Error, Workspace, onnxruntime, setup};

/// Runs every benchmark of the workspace in the release profile. Those that
/// compare with Python find it in `SER_PYTHON`, and ONNX Runtime in `ORT_DYLIB_PATH`.
pub(crate) fn run(workspace: &Workspace) -> Result<(), Error> {
    let python = setup::python(workspace)?;
    let library = onnxruntime::library(workspace)?;
    let bench = workspace
        .cargo()
        .args(["bench", "--workspace", "--bench", "*"])
        .env("SER_PYTHON", python)
        .env("ORT_DYLIB_PATH", library);
    Ok(bench.run()?)
}
