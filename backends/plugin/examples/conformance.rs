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
    conformance::{self, Failure, Subject},
};
use ser_backend_plugin::{Deadlines, PluginBackend};

type Check = fn(&Subject<'_>) -> Result<(), Failure>;

/// Everything that the suite demands, in the order of its macro. The memory of the
/// process is looked at last.
const CHECKS: [(&str, Check); 14] = [
    ("reports_itself", conformance::reports_itself),
    ("golden_rows", conformance::golden_rows),
    ("every_row_count", conformance::every_row_count),
    (
        "company_changes_nothing",
        conformance::company_changes_nothing,
    ),
    (
        "one_bad_row_spoils_itself",
        conformance::one_bad_row_spoils_itself,
    ),
    (
        "state_travels_with_its_row",
        conformance::state_travels_with_its_row,
    ),
    (
        "padding_changes_nothing",
        conformance::padding_changes_nothing,
    ),
    ("instances_agree", conformance::instances_agree),
    (
        "refuses_unknown_providers",
        conformance::refuses_unknown_providers,
    ),
    (
        "refuses_truncated_graphs",
        conformance::refuses_truncated_graphs,
    ),
    ("refuses_other_shapes", conformance::refuses_other_shapes),
    (
        "refuses_wrong_golden_rows",
        conformance::refuses_wrong_golden_rows,
    ),
    (
        "refuses_unsupported_nodes",
        conformance::refuses_unsupported_nodes,
    ),
    ("repeated_loads", conformance::repeated_loads),
];

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
    for (name, check) in CHECKS {
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
