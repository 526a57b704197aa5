//! `cargo xtask onnxruntime`: the pinned ONNX Runtime library.

use std::path::{Path, PathBuf};

use xshell::cmd;

use crate::{Error, Workspace, setup};

/// A pinned build of the library.
struct Build {
    /// What is announced before it is fetched.
    name: &'static str,
    /// In the target directory.
    folder: &'static str,
    /// Pins the wheels that hold it.
    requirements: &'static str,
    /// The files to unpack with their SHA-256, the library itself first.
    files: &'static [(&'static str, &'static str)],
}

const LIBRARY: &str = "libonnxruntime.so.1.31.1";

const CPU_X86_64: Build = Build {
    name: "ONNX Runtime 1.31.1",
    folder: "onnxruntime",
    requirements: "xtask/python/onnxruntime.txt",
    files: &[(
        LIBRARY,
        "fc44112fbe06d7d689c57e11d3862031f64711007e4ee020f8eed5185fd2c1d3",
    )],
};

const CPU_AARCH64: Build = Build {
    files: &[(
        LIBRARY,
        "8aa3b76b28c778a2b1dd660d34161adb1d508c9ccd04ff9dc80e26eca5df8467",
    )],
    ..CPU_X86_64
};

const GPU_X86_64: Build = Build {
    name: "ONNX Runtime 1.31.1 with CUDA and TensorRT",
    folder: "onnxruntime-gpu",
    requirements: "xtask/python/onnxruntime-gpu.txt",
    files: &[
        (
            LIBRARY,
            "5104254339ecadae808da771bd0b63b240f0dbd466514234905e54372435c303",
        ),
        (
            "libonnxruntime_providers_shared.so",
            "086ec1d5388f64153d9c63470d126693db9a182c8ce236d3a1119068471b8a0d",
        ),
        (
            "libonnxruntime_providers_cuda.so",
            "d5290158115fa5569a3fe8f1f4037ee9b0e86658a96e52f852bbb7039aa88137",
        ),
        (
            "libonnxruntime_providers_tensorrt.so",
            "1882ee49fdb0e6fc2d272b00cfaf9a3310bf8580a34385c0eec4d82014ea172e",
        ),
    ],
};

/// The build for the machine's architecture.
fn build(gpu: bool) -> Result<Build, Error> {
    match (std::env::consts::ARCH, gpu) {
        ("x86_64", false) => Ok(CPU_X86_64),
        ("aarch64", false) => Ok(CPU_AARCH64),
        ("x86_64", true) => Ok(GPU_X86_64),
        (architecture, true) => Err(Error::Architecture(architecture, "x86_64")),
        (architecture, false) => Err(Error::Architecture(architecture, "x86_64 or aarch64")),
    }
}

/// Fetches the library if it isn't there yet, and says where it is.
pub(crate) fn run(workspace: &Workspace, gpu: bool) -> Result<(), Error> {
    println!("{}", fetch(workspace, &build(gpu)?)?.display());
    Ok(())
}

/// The library that the tests run on, fetched if it isn't there yet.
pub(crate) fn library(workspace: &Workspace) -> Result<PathBuf, Error> {
    fetch(workspace, &build(false)?)
}

/// The library with CUDA and TensorRT, likewise.
pub(crate) fn gpu_library(workspace: &Workspace) -> Result<PathBuf, Error> {
    fetch(workspace, &build(true)?)
}

fn fetch(workspace: &Workspace, build: &Build) -> Result<PathBuf, Error> {
    let folder = workspace.target(build.folder);
    let library = folder.join(LIBRARY);
    let there = |(file, _): &(&str, _)| workspace.shell.path_exists(folder.join(file));
    if build.files.iter().all(there) && check(workspace, build, &folder).is_ok() {
        return Ok(library);
    }

    let shell = &workspace.shell;
    let python = setup::venv(workspace)?;
    eprintln!("xtask: fetches {} into {}", build.name, folder.display());
    let download = shell.create_temp_dir()?;
    let wheels = download.path();
    let platform = format!("manylinux_2_28_{}", std::env::consts::ARCH);
    let pinned = workspace.path(build.requirements);
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
    for (file, _) in build.files {
        shell.copy_file(wheels.join("onnxruntime/capi").join(file), &folder)?;
    }
    check(workspace, build, &folder)?;
    Ok(library)
}

/// Compares every file with its checksum.
fn check(workspace: &Workspace, build: &Build, folder: &Path) -> Result<(), Error> {
    for (file, expected) in build.files {
        let path = folder.join(file);
        let got = sha256(workspace, &path)?;
        if got != *expected {
            return Err(Error::Checksum {
                path,
                got,
                expected,
            });
        }
    }
    Ok(())
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
