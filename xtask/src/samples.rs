//! `cargo xtask samples`: speaks the sample audio anew.

use xshell::cmd;

use crate::{Error, Workspace, setup};

pub(crate) fn run(workspace: &Workspace) -> Result<(), Error> {
    setup::debian(workspace, &["espeak-ng", "sox"], || {
        setup::has(workspace, "espeak-ng") && setup::has(workspace, "sox")
    })?;
    cmd!(workspace.shell, "bash samples/make.sh").run()?;
    Ok(())
}
