//! What chores need from the machine: looked for first, installed if missing,
//! and announced before it is.

use std::path::PathBuf;

use xshell::cmd;

use crate::{Error, Workspace};

/// Lines that tell an old enough Python, or one without venv, from a good one.
const PYTHON_CHECK: &str = "import sys, ensurepip; sys.exit(sys.version_info < (3, 11))";

/// Installs the Debian packages unless `present`.
pub(crate) fn debian(
    workspace: &Workspace,
    packages: &[&str],
    present: impl Fn() -> bool,
) -> Result<(), Error> {
    if present() {
        return Ok(());
    }
    let shell = &workspace.shell;
    let refuse = |reason| Error::CannotInstall {
        packages: packages.join(", "),
        reason,
    };
    if !has(workspace, "apt-get") {
        return Err(refuse("no apt-get; install them by hand"));
    }
    let sudo = if rustix::process::geteuid().is_root() {
        None
    } else if has(workspace, "sudo") {
        Some("sudo")
    } else {
        return Err(refuse("not root, and no sudo"));
    };
    println!("xtask: installs Debian packages: {}", packages.join(" "));
    let elevated = [
        "env",
        "DEBIAN_FRONTEND=noninteractive",
        "apt-get",
        "-qq",
        "--yes",
    ];
    let apt = |arguments: &[&str]| {
        let mut line = sudo
            .into_iter()
            .chain(elevated)
            .chain(arguments.iter().copied());
        let program = line.next().expect("the line starts with sudo or env");
        shell.cmd(program).args(line).run()
    };
    apt(&["update"])?;
    apt(&[["install", "--no-install-recommends"].as_slice(), packages].concat())?;
    Ok(())
}

/// What building the client needs: the headers of ALSA, which every program on Linux
/// that records audio links.
pub(crate) fn alsa(workspace: &Workspace) -> Result<(), Error> {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    debian(workspace, &["libasound2-dev", "pkg-config"], || {
        let check = cmd!(workspace.shell, "pkg-config --exists alsa");
        check.quiet().ignore_stderr().run().is_ok()
    })
}

/// The sound server whose microphone the tests speak into, its way into ALSA, and
/// what Python records by.
pub(crate) fn sound_server(workspace: &Workspace) -> Result<(), Error> {
    let packages = [
        "pulseaudio",
        "pulseaudio-utils",
        "libasound2-plugins",
        "libportaudio2",
    ];
    let libraries = [
        "alsa-lib/libasound_module_pcm_pulse.so",
        "libportaudio.so.2",
    ];
    debian(workspace, &packages, || {
        let folder = cmd!(workspace.shell, "pkg-config --variable=libdir alsa");
        let folder = folder.quiet().read().map(PathBuf::from);
        folder.is_ok_and(|folder| {
            libraries
                .iter()
                .all(|library| folder.join(library).exists())
        }) && has(workspace, "pulseaudio")
            && has(workspace, "pactl")
    })
}

/// Whether a program is on the path.
pub(crate) fn has(workspace: &Workspace, program: &str) -> bool {
    cmd!(workspace.shell, "which {program}")
        .quiet()
        .ignore_stdout()
        .ignore_stderr()
        .run()
        .is_ok()
}

/// Installs a component of the Rust toolchain unless its subcommand is there.
pub(crate) fn component(
    workspace: &Workspace,
    subcommand: &str,
    component: &str,
) -> Result<(), Error> {
    let there = workspace.cargo().args([subcommand, "--version"]);
    if there.quiet().ignore_stdout().ignore_stderr().run().is_ok() {
        return Ok(());
    }
    println!("xtask: installs the Rust component {component}");
    cmd!(workspace.shell, "rustup component add {component}").run()?;
    Ok(())
}

/// The environment that the tests run in.
const TESTS: &str = "venv";

/// A virtual environment of Python in the target directory, maybe without packages
/// yet. Returns its interpreter.
pub(crate) fn venv(workspace: &Workspace) -> Result<PathBuf, Error> {
    environment(workspace, TESTS)
}

fn environment(workspace: &Workspace, name: &str) -> Result<PathBuf, Error> {
    let shell = &workspace.shell;
    let usable = || {
        let check = cmd!(shell, "python3 -c {PYTHON_CHECK}");
        check.quiet().ignore_stderr().run().is_ok()
    };
    let folder = workspace.target(name);
    let python = folder.join("bin/python");
    if !python.exists() {
        debian(workspace, &["python3", "python3-venv"], usable)?;
        if !usable() {
            return Err(Error::Python);
        }
        println!("xtask: makes a Python environment in {}", folder.display());
        cmd!(shell, "python3 -m venv {folder}").run()?;
    }
    Ok(python)
}

/// The Python packages that the tests measure against, exactly as pinned.
/// Returns the interpreter that has them.
pub(crate) fn python(workspace: &Workspace) -> Result<PathBuf, Error> {
    python_with(workspace, TESTS, "xtask/python/tests.txt")
}

/// An environment with the Python packages of a file, exactly as pinned. Returns
/// its interpreter.
pub(crate) fn python_with(
    workspace: &Workspace,
    name: &str,
    requirements: &str,
) -> Result<PathBuf, Error> {
    let shell = &workspace.shell;
    let python = environment(workspace, name)?;
    let wanted = workspace.path(requirements);
    let installed = workspace.target(name).join("installed.txt");
    let up_to_date = shell.path_exists(&installed)
        && shell.read_file(&installed)? == shell.read_file(&wanted)?;
    if !up_to_date {
        println!(
            "xtask: installs the Python packages of {}",
            wanted.display()
        );
        cmd!(
            shell,
            "{python} -m pip install --quiet --disable-pip-version-check"
        )
        .args(["--require-hashes", "--only-binary=:all:", "--requirement"])
        .arg(&wanted)
        .run()?;
        shell.copy_file(&wanted, &installed)?;
    }
    Ok(python)
}
