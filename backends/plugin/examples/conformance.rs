//! Runs the conformance suite on a plugin:
//!
//! ```text
//! cargo run -p ser-backend-plugin --example conformance -- LIBRARY PACKAGE...
//! ```
//!
//! LIBRARY is a plugin, each PACKAGE the directory of a model package that it runs.

use std::{env, path::Path, process::ExitCode};

use ser_backend::{
    BackendError, DeviceOptions, ModelPackage,
    conformance::{self, CHECKS, Check, Subject},
};
use ser_backend_plugin::{Deadlines, PluginBackend};

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1);
    let Some(library) = arguments.next() else {
        eprintln!("usage: conformance LIBRARY PACKAGE...");
        return ExitCode::from(2);
    };
    let backend = PluginBackend::open("plugin", Path::new(&library), Deadlines::default());
    match backend.status() {
        Ok(label) => println!("{label}"),
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    }
    let mut failures = 0;
    for directory in arguments {
        match check(&backend, Path::new(&directory)) {
            Ok(failed) => failures += failed,
            Err(error) => {
                eprintln!("{error}");
                return ExitCode::FAILURE;
            }
        }
    }
    match failures {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// Prints how each check went, and returns how many failed.
fn check(backend: &PluginBackend, directory: &Path) -> Result<usize, BackendError> {
    let package = ModelPackage::read(directory)?;
    println!("{}", package.manifest.id());
    let subject = Subject {
        backend,
        options: &DeviceOptions::default(),
        package: &package,
    };
    let mut failures = 0;
    // The memory of the process is looked at last.
    let memory: (&str, Check) = ("repeated_loads", conformance::repeated_loads);
    for (name, check) in CHECKS.iter().chain([&memory]) {
        match check(&subject) {
            Ok(()) => println!("  {name:<28} ok"),
            Err(failure) => {
                failures += 1;
                println!("  {name:<28} FAILED: {failure}");
            }
        }
    }
    Ok(failures)
}
