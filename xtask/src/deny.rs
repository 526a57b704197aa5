//! What the dependencies may be.

use xshell::cmd;

use crate::{Error, Workspace, setup};

/// Holds the licences, sources and versions of everything that is built against
/// `deny.toml`, the fuzz targets' dependencies too. Not against advisories, which change
/// without a commit.
pub(crate) fn verify(workspace: &Workspace) -> Result<(), Error> {
    let deny = setup::cargo_subcommand(workspace, "deny")?;
    let config = workspace.path("deny.toml");
    for manifest in ["Cargo.toml", "fuzz/Cargo.toml"] {
        let manifest = workspace.path(manifest);
        println!("{}:", manifest.display());
        // A version that is there twice is a warning, and no news.
        let options = ["--log-level", "error"];
        let checks = ["licenses", "bans", "sources"];
        let check = cmd!(workspace.shell, "{deny} --config {config}").args(options);
        let check = check.arg("--manifest-path").arg(manifest).arg("check");
        check.args(checks).run()?;
    }
    Ok(())
}
