//! Where things are, and a shell that stands there.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use xshell::{Cmd, Shell};

use crate::Error;

/// The checkout that this program was built from.
pub(crate) struct Workspace {
    root: PathBuf,
    /// Where `cargo build` puts the programs of this profile.
    bin: PathBuf,
    pub(crate) shell: Shell,
}

impl Workspace {
    pub(crate) fn open() -> Result<Self, Error> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .expect("the manifest lies in a folder of the workspace")
            .to_owned();
        // Next to this program, wherever the target directory was moved to.
        let this = std::env::current_exe().map_err(|source| Error::Process {
            command: "xtask",
            source,
        })?;
        let bin = this
            .parent()
            .expect("a program lies in a folder")
            .to_owned();
        let shell = Shell::new()?;
        shell.change_dir(&root);
        Ok(Self { root, bin, shell })
    }

    /// A path from the root of the repository.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// A path in the target directory, for what is downloaded or installed.
    pub(crate) fn target(&self, relative: &str) -> PathBuf {
        self.bin
            .parent()
            .expect("a profile's folder lies in the target directory")
            .join(relative)
    }

    /// A program of this workspace, once built.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    /// The cargo that started this program, so that a chosen toolchain stays
    /// chosen.
    pub(crate) fn cargo(&self) -> Cmd<'_> {
        self.shell
            .cmd(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
    }
}
