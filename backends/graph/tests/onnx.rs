//! The writer's graphs under `onnx.checker` and in ONNX Runtime.

use std::{env, path::Path, process::Command};

/// Needs a Python with numpy, onnx and onnxruntime, whose path `SER_PYTHON` holds.
#[test]
#[ignore = "needs SER_PYTHON"]
fn the_test_packages_pass_the_checker_and_give_their_golden_rows() {
    let python = env::var("SER_PYTHON").expect("SER_PYTHON holds the path of a Python");
    let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/tests/packages");
    let output = Command::new(python)
        .arg(packages.join("golden.py"))
        .arg("--check")
        .output()
        .expect("SER_PYTHON runs");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
