//! A real Prometheus, and `promtool`, against the server's metrics.

use std::path::PathBuf;

use crate::{Error, Workspace, setup};

/// What the names of the tests contain that need Prometheus. They are ignored, so that
/// a bare `cargo test` passes.
pub(crate) const NEEDS_PROMETHEUS: &str = "real_prometheus";

/// Runs those tests.
pub(crate) fn verify(workspace: &Workspace) -> Result<(), Error> {
    let programs = programs(workspace)?;
    // All test programs, since one alone would be built with other features.
    let flags = ["--workspace", "--tests", NEEDS_PROMETHEUS];
    let tests = workspace.cargo().arg("test").args(flags);
    tests
        .args(["--", "--ignored"])
        .env("SER_PROMETHEUS", programs)
        .run()?;
    Ok(())
}

/// The folder of `prometheus` and `promtool`: installing them would start a service.
pub(crate) fn programs(workspace: &Workspace) -> Result<PathBuf, Error> {
    let folder = setup::unpacked(workspace, "prometheus", &["prometheus"])?;
    Ok(folder.join("usr/bin"))
}
