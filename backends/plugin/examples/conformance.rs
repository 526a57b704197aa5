//! Runs the conformance suite on a plugin:
//!
//! ```text
//! cargo run -p ser-backend-plugin --example conformance -- \
//!     [--provider NAME]... [--settings FILE] LIBRARY PACKAGE...
//! ```
//!
//! LIBRARY is a plugin, each PACKAGE the directory of a model package that it runs. NAME
//! is an execution provider, `cpu` without any, and FILE holds the plugin's settings, as
//! `[models.settings.<plugin>]` would.

use std::{error::Error, fs, path::PathBuf, process::ExitCode};

use lexopt::prelude::{Long, Value, ValueExt};
use ser_backend::{
    DeviceOptions, ModelPackage,
    conformance::{self, CHECKS, Check, Subject},
};
use ser_backend_plugin::{Deadlines, PluginBackend};

const USAGE: &str = "usage: conformance [--provider NAME]... [--settings FILE] LIBRARY PACKAGE...";

/// The command line.
struct Arguments {
    options: DeviceOptions,
    library: PathBuf,
    packages: Vec<PathBuf>,
}

impl Arguments {
    fn parse() -> Result<Self, Box<dyn Error>> {
        let mut arguments = lexopt::Parser::from_env();
        let mut options = DeviceOptions::default();
        let (mut providers, mut paths) = (Vec::new(), Vec::new());
        while let Some(argument) = arguments.next()? {
            match argument {
                Long("provider") => providers.push(arguments.value()?.string()?),
                Long("settings") => {
                    let text = fs::read_to_string(arguments.value()?)?;
                    options.settings = text.parse()?;
                }
                Value(path) => paths.push(PathBuf::from(path)),
                other => return Err(other.unexpected().into()),
            }
        }
        if !providers.is_empty() {
            options.execution_providers = providers;
        }
        let mut paths = paths.into_iter();
        let (library, packages) = (paths.next().ok_or("no library")?, paths.collect());
        Ok(Self {
            options,
            library,
            packages,
        })
    }
}

fn main() -> ExitCode {
    let arguments = match Arguments::parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            eprintln!("{error}; {USAGE}");
            return ExitCode::from(2);
        }
    };
    let backend = PluginBackend::open("plugin", &arguments.library, Deadlines::default());
    match backend.status() {
        Ok(label) => println!("{label}"),
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    }
    let mut failures = 0;
    for directory in &arguments.packages {
        match ModelPackage::read(directory) {
            Ok(package) => failures += check(&backend, &arguments.options, &package),
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
fn check(backend: &PluginBackend, options: &DeviceOptions, package: &ModelPackage) -> usize {
    println!("{}", package.manifest.id());
    let subject = Subject {
        backend,
        options,
        package,
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
    failures
}
