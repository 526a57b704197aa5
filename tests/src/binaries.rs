//! The real programs, as `cargo build --workspace --bins --examples` left them.

use std::{env, path::PathBuf, process::Command};

/// A command that runs the binary `name` of this workspace.
///
/// # Panics
///
/// When it has not been built.
#[must_use]
pub fn command(name: &str) -> Command {
    Command::new(path(name))
}

/// A command that runs the example `name` of this workspace.
///
/// # Panics
///
/// When it has not been built.
#[must_use]
pub fn example(name: &str) -> Command {
    Command::new(path(&format!("examples/{name}")))
}

fn path(name: &str) -> PathBuf {
    let test = env::current_exe().unwrap();
    // target/<profile>/deps/<test> → target/<profile>/<name>
    let binary = test.ancestors().nth(2).unwrap().join(name);
    assert!(
        binary.exists(),
        "{} is missing: run `cargo build --workspace --bins --examples` first, as `cargo xtask test` does",
        binary.display()
    );
    binary
}

/// A file of the repository's `samples/`.
#[must_use]
pub fn sample(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../samples")
        .join(name)
}
