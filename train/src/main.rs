//! `ser-train`: see `ser-train --help`.

use std::process::ExitCode;

use clap::Parser;
use ser_train::cli::Cli;

fn main() -> ExitCode {
    match ser_train::run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
