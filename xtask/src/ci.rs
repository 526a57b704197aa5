//! `cargo xtask ci`: what every commit must pass.

use std::path::Path;

use crate::stopwatch::Stopwatch;
use crate::tally::Tally;
use crate::{Error, Workspace, setup, test};

/// Format, lints, documentation and tests; then where the time went, and the
/// counts of the tests.
pub(crate) fn run(workspace: &Workspace) -> Result<(), Error> {
    let mut watch = Stopwatch::default();
    let (tally, result) = timed(workspace, &mut watch, test::corpora(None)?.as_deref());
    println!("\n{watch}\n{tally}");
    result
}

/// The steps on `watch`. Stops at the first that fails.
pub(crate) fn timed(
    workspace: &Workspace,
    watch: &mut Stopwatch,
    corpora: Option<&Path>,
) -> (Tally, Result<(), Error>) {
    match checks(workspace, watch) {
        Ok(()) => test::timed(workspace, watch, corpora),
        Err(error) => (Tally::default(), Err(error)),
    }
}

fn checks(workspace: &Workspace, watch: &mut Stopwatch) -> Result<(), Error> {
    setup::component(workspace, "fmt", "rustfmt")?;
    setup::component(workspace, "clippy", "clippy")?;
    watch.time("fmt", || {
        let format = || workspace.cargo().args(["fmt", "--check"]);
        format().arg("--all").run()?;
        // A workspace of its own.
        let fuzz = workspace.path("fuzz/Cargo.toml");
        format().arg("--manifest-path").arg(fuzz).run()
    })?;
    watch.time("clippy", || {
        let lint = workspace
            .cargo()
            .args(["clippy", "--workspace", "--all-targets"]);
        lint.args(["--", "--deny", "warnings"]).run()
    })?;
    watch.time("rustdoc", || {
        let doc = workspace.cargo().args(["doc", "--workspace", "--no-deps"]);
        doc.arg("--document-private-items")
            .env("RUSTDOCFLAGS", "--deny warnings")
            .run()
    })?;
    Ok(())
}
