//! A real Prometheus, and `promtool`, against the server's metrics.

use std::path::PathBuf;

use xshell::cmd;

use crate::{Error, Workspace};

/// What the names of the tests contain that need Prometheus. They are ignored, so that
/// a bare `cargo test` passes.
pub(crate) const NEEDS_PROMETHEUS: &str = "real_prometheus";

/// Runs those tests.
pub(crate) fn verify(workspace: &Workspace) -> Result<(), Error> {
    let programs = programs(workspace)?;
    let flags = ["--workspace", "--test", "telemetry", NEEDS_PROMETHEUS];
    let tests = workspace.cargo().arg("test").args(flags);
    tests
        .args(["--", "--ignored"])
        .env("SER_PROMETHEUS", programs)
        .run()?;
    Ok(())
}

/// The folder of `prometheus` and `promtool`: those of Debian, unpacked into the target
/// directory, since installing them would start a service.
pub(crate) fn programs(workspace: &Workspace) -> Result<PathBuf, Error> {
    let shell = &workspace.shell;
    let folder = workspace.target("prometheus");
    let programs = folder.join("usr/bin");
    if programs.join("promtool").exists() && programs.join("prometheus").exists() {
        return Ok(programs);
    }
    eprintln!(
        "xtask: downloads Debian's prometheus into {}",
        folder.display()
    );
    let packages = shell.create_temp_dir()?;
    let packages = packages.path();
    cmd!(
        shell,
        "env --chdir={packages} apt-get -qq download prometheus"
    )
    .run()?;
    let unpack = "dpkg-deb --extract \"$1\"/prometheus_*.deb \"$2\"";
    cmd!(shell, "sh -c {unpack} sh {packages} {folder}").run()?;
    Ok(programs)
}
