//! The plugin in C under the sanitisers for addresses and undefined behaviour.

#![allow(
    clippy::unwrap_used,
    reason = "test code: a failure here fails the test"
)]

mod libraries;

use std::process::Command;

use libraries::{c_sources, compile, root, tiny};
use ser_backend::ModelPackage;

const FLAGS: [&str; 7] = [
    "-O1",
    "-g",
    "-std=c11",
    "-Wall",
    "-Wextra",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
];

#[test]
fn no_graph_makes_the_c_plugin_misbehave() {
    let mut sources = c_sources(&root().join("plugins/c"));
    sources.push(root().join("backends/plugin/tests/libraries/sanitized.c"));
    let program = compile("sanitized", &FLAGS, &sources);
    let packages = [
        "tiny-windowed",
        "tiny-stacked",
        "tiny-recurrent",
        "tiny-foreign",
    ];
    for package in packages {
        drive(&program, &tiny(package));
    }
}

fn drive(program: &std::path::Path, package: &ModelPackage) {
    let graph = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(graph.path(), &package.graph).unwrap();
    let shape = package.manifest.row_shape();
    let numbers = [shape.steps, shape.width, shape.state, shape.classes];
    let output = Command::new(program)
        .arg(graph.path())
        .args(numbers.map(|number| number.to_string()))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", package.manifest.id());
}
