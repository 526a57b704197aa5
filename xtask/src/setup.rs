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
    eprintln!("xtask: installs Debian packages: {}", packages.join(" "));
    let elevated = ["env", "DEBIAN_FRONTEND=noninteractive"];
    let apt = |arguments: &[&str]| {
        let mut line = sudo
            .into_iter()
            .chain(elevated)
            .chain(["apt-get", "-qq", "--yes"])
            .chain(arguments.iter().copied());
        let program = line.next().expect("the line starts with sudo or env");
        shell.cmd(program).args(line)
    };
    apt(&["update"]).run()?;
    let install = [["install", "--no-install-recommends"].as_slice(), packages].concat();
    let plan = apt(&[&install[..], &["--simulate"]].concat()).quiet();
    let removed = removed(&plan.read()?);
    if !removed.is_empty() {
        return Err(Error::WouldRemove {
            packages: packages.join(", "),
            removed,
        });
    }
    apt(&[&install[..], &["--no-remove"]].concat()).run()?;
    Ok(())
}

/// Debian packages, unpacked into a folder of the target directory and not installed.
/// Returns the folder.
pub(crate) fn unpacked(
    workspace: &Workspace,
    name: &str,
    packages: &[&str],
) -> Result<PathBuf, Error> {
    let shell = &workspace.shell;
    let folder = workspace.target(name);
    let complete = folder.join("unpacked");
    if shell.path_exists(&complete) {
        return Ok(folder);
    }
    let (list, place) = (packages.join(", "), folder.display());
    eprintln!("xtask: downloads Debian's {list} into {place}");
    let download = shell.create_temp_dir()?;
    let download = download.path();
    let get = cmd!(shell, "env --chdir={download} apt-get -qq download");
    get.args(packages).run()?;
    for package in shell.read_dir(download)? {
        cmd!(shell, "dpkg-deb --extract {package} {folder}").run()?;
    }
    shell.write_file(complete, list)?;
    Ok(folder)
}

/// The packages that a simulation of apt-get removes, in lines like
/// `Remv pipewire-audio [0.3.65-3+deb12u1]`.
fn removed(plan: &str) -> String {
    let lines = plan.lines().filter_map(|line| line.strip_prefix("Remv "));
    let names: Vec<&str> = lines.filter_map(|line| line.split(' ').next()).collect();
    names.join(", ")
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
/// what Python records by. Only the tests on Linux have one.
pub(crate) fn sound_server(workspace: &Workspace) -> Result<(), Error> {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
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
    eprintln!("xtask: installs the Rust component {component}");
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
        eprintln!("xtask: makes a Python environment in {}", folder.display());
        cmd!(shell, "python3 -m venv {folder}").run()?;
    }
    Ok(python)
}

/// The Python packages that the tests measure against, exactly as pinned.
/// Returns the interpreter that has them.
pub(crate) fn python(workspace: &Workspace) -> Result<PathBuf, Error> {
    python_with(workspace, TESTS, "xtask/python/tests.txt")
}

/// A subcommand of Cargo that isn't part of the toolchain, as PyPI has it built.
/// Returns its program.
pub(crate) fn cargo_subcommand(workspace: &Workspace, name: &str) -> Result<PathBuf, Error> {
    let python = python_with(workspace, "venv-cargo", "xtask/python/cargo.txt")?;
    Ok(python.with_file_name(format!("cargo-{name}")))
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
        eprintln!(
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// Installs a package with this script in place of apt-get. Gives what went wrong,
    /// and how often apt-get was called to do more than look.
    fn install(apt_get: &str) -> (Result<(), Error>, usize) {
        let workspace = Workspace::open().unwrap();
        let folder = workspace.shell.create_temp_dir().unwrap();
        let calls = folder.path().join("calls");
        let apt_get = format!("case \"$*\" in\n{apt_get}\n*) echo \"$*\" >> {calls:?} ;;\nesac");
        for (name, script) in [("apt-get", apt_get.as_str()), ("sudo", "exec \"$@\"")] {
            let path = folder.path().join(name);
            fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = [folder.path().to_owned()];
        let folders = folders.into_iter().chain(std::env::split_paths(&path));
        let path = std::env::join_paths(folders).unwrap();
        workspace.shell.set_var("PATH", path);

        let result = debian(&workspace, &["pulseaudio"], || false);
        let calls = fs::read_to_string(calls).unwrap();
        assert!(calls.lines().all(|call| !call.contains("--simulate")));
        (result, calls.lines().count())
    }

    #[test]
    fn a_package_is_installed() {
        let (result, calls) = install("*--simulate*) echo 'Inst pulseaudio (16.1)' ;;");
        result.unwrap();
        assert_eq!(calls, 2, "update and install");
    }

    #[test]
    fn nothing_is_removed_for_a_package() {
        let plan = "*--simulate*) echo 'Remv pipewire-audio [1.4]'; echo 'Remv pipewire-alsa [1.4]'; \
                    echo 'Inst pulseaudio (16.1)' ;;";
        let (result, calls) = install(plan);
        let error = result.unwrap_err().to_string();
        assert!(
            error.starts_with(
                "needs pulseaudio, for which apt-get would remove pipewire-audio, pipewire-alsa; "
            ),
            "{error}"
        );
        assert_eq!(calls, 1, "update alone");
    }
}
