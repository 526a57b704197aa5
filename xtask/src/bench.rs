//! `cargo xtask bench`: the figures of `docs/benchmarks.md`.

use crate::{Error, Workspace, setup};

/// Runs every benchmark of the workspace in the release profile. Those that
/// compare with Python find it in `SER_PYTHON`.
pub(crate) fn run(workspace: &Workspace) -> Result<(), Error> {
    let python = setup::python(workspace)?;
    let bench = workspace
        .cargo()
        .args(["bench", "--workspace", "--bench", "*"]);
    Ok(bench.env("SER_PYTHON", python).run()?)
}
