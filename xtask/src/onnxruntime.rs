//! `cargo xtask onnxruntime`: the pinned ONNX Runtime library.

use std::path::PathBuf;

use xshell::cmd;

use crate::{Error, Workspace, setup};

const LIBRARY: &str = "libonnxruntime.so.1.31.1";

/// SHA-256 of the library for the machine's architecture.
fn checksum() -> Result<&'static str, Error> {
    match std::env::consts::ARCH {
        "x86_64" => Ok("fc44112fbe06d7d689c57e11d3862031f64711007e4ee020f8eed5185fd2c1d3"),
        "aarch64" => Ok("8aa3b76b28c778a2b1dd660d34161adb1d508c9ccd04ff9dc80e26eca5df8467"),
        other => Err(Error::Architecture(other)),
    }
}

/// Fetches the library if it isn't there yet, and says where it is.
pub(crate) fn run(workspace: &Workspace) -> Result<(), Error> {
    println!("{}", library(workspace)?.display());
    Ok(())
}

fn library(workspace: &Workspace) -> Result<PathBuf, Error> {
    let expected = checksum()?;
    let folder = workspace.target("onnxruntime");
    let library = folder.join(LIBRARY);
    if workspace.shell.path_exists(&library) && sha256(workspace, &library)? == expected {
        return Ok(library);
    }

    let shell = &workspace.shell;
    let python = setup::venv(workspace)?;
    println!(
        "xtask: fetches ONNX Runtime 1.31.1 into {}",
        folder.display()
    );
    let download = shell.create_temp_dir()?;
    let wheels = download.path();
    let platform = format!("manylinux_2_28_{}", std::env::consts::ARCH);
    let pinned = workspace.path("xtask/python/onnxruntime.txt");
    cmd!(
        shell,
        "{python} -m pip download --quiet --disable-pip-version-check --no-deps"
    )
    .args([
        "--require-hashes",
        "--only-binary=:all:",
        "--implementation=cp",
    ])
    .args([
        "--python-version=3.11",
        "--abi=cp311",
        "--platform",
        &platform,
    ])
    .arg("--requirement")
    .arg(&pinned)
    .arg("--dest")
    .arg(wheels)
    .run()?;
    for wheel in shell.read_dir(wheels)? {
        cmd!(shell, "{python} -m zipfile --extract {wheel} {wheels}").run()?;
    }
    shell.create_dir(&folder)?;
    for file in ["LICENSE", "ThirdPartyNotices.txt"] {
        shell.copy_file(wheels.join("onnxruntime").join(file), &folder)?;
    }
    shell.copy_file(wheels.join("onnxruntime/capi").join(LIBRARY), &folder)?;

    let got = sha256(workspace, &library)?;
    if got == expected {
        Ok(library)
    } else {
        Err(Error::Checksum {
            path: library,
            got,
            expected,
        })
    }
}

/// By coreutils: a hash crate would cost every newcomer its build.
fn sha256(workspace: &Workspace, file: &PathBuf) -> Result<String, Error> {
    let line = cmd!(workspace.shell, "sha256sum {file}").quiet().read()?;
    Ok(line
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .to_owned())
}
