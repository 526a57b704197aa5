//! `cargo xtask gpu`: what only a machine with an NVIDIA GPU can run.

use std::path::PathBuf;

use xshell::{Shell, cmd};

use crate::{Error, Workspace, onnxruntime};

/// Builds Burn with its CUDA device. The feature goes to every crate of the command.
const CUDA: [&str; 2] = ["--features", "ser-backend-burn/cuda"];

/// What the names of tests that need a GPU contain.
pub(crate) const NEEDS_GPU: &str = "on_a_gpu";

/// TensorRT has no option that keeps it from rounding to TF32.
const TF32_OFF: (&str, &str) = ("NVIDIA_TF32_OVERRIDE", "0");

/// Runs the conformance suite and the comparison with the CPU on each device, then
/// prints how long calls take there. All of it runs, whatever fails.
pub(crate) fn run(workspace: &Workspace) -> Result<(), Error> {
    for gpu in gpus(&workspace.shell)? {
        println!("xtask: runs on {gpu}");
    }
    let library = match std::env::var_os("ORT_DYLIB_PATH") {
        Some(library) if !library.is_empty() => PathBuf::from(library),
        _ => onnxruntime::gpu_library(workspace)?,
    };
    let cargo = |arguments: &[&str]| {
        let command = workspace.cargo().args(arguments).args(CUDA);
        let (variable, off) = TF32_OFF;
        command.env("ORT_DYLIB_PATH", &library).env(variable, off)
    };
    // One by one: they share the GPU, and the folder of TensorRT's engines.
    let packages = [
        "-p",
        "ser-backend-burn",
        "-p",
        "ser-backend-onnx",
        "-p",
        "ser-tests",
    ];
    let tests = cargo(&["test", "--no-fail-fast"])
        .args(packages)
        .args(["--test", "gpu", "--test", "agreement", "--"])
        .args(["--ignored", "--nocapture", "--test-threads=1", NEEDS_GPU])
        .run();
    let sweep = cargo(&["bench", "-p", "ser-backend-burn", "--bench", "devices"]).run();
    Ok(tests.and(sweep)?)
}

/// This machine's GPUs, of which there is at least one.
fn gpus(shell: &Shell) -> Result<Vec<String>, Error> {
    let listed = cmd!(shell, "nvidia-smi --list-gpus")
        .quiet()
        .ignore_stderr();
    let text = listed
        .read()
        .map_err(|error| Error::Gpu(error.to_string()))?;
    let gpus: Vec<String> = text.lines().map(str::to_owned).collect();
    match gpus.is_empty() {
        true => Err(Error::Gpu("nvidia-smi lists none".to_owned())),
        false => Ok(gpus),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A shell whose `nvidia-smi` is this script, or none.
    fn shell(script: Option<&str>) -> (Shell, xshell::TempDir) {
        let shell = Shell::new().unwrap();
        let folder = shell.create_temp_dir().unwrap();
        if let Some(script) = script {
            let path = folder.path().join("nvidia-smi");
            fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        shell.set_var("PATH", folder.path());
        (shell, folder)
    }

    #[test]
    fn a_machine_without_a_gpu_is_refused() {
        for script in [None, Some("exit 9"), Some("exit 0")] {
            let (shell, _folder) = shell(script);
            let error = gpus(&shell).unwrap_err().to_string();
            assert!(error.starts_with("needs an NVIDIA GPU: "), "{error}");
            assert!(error.contains("nvidia-smi"), "{error}");
        }
    }

    #[test]
    fn gpus_are_listed() {
        let (shell, _folder) = shell(Some("echo 'GPU 0: one'; echo 'GPU 1: other'"));
        assert_eq!(gpus(&shell).unwrap(), ["GPU 0: one", "GPU 1: other"]);
    }
}
