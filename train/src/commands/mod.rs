//! What the subcommands do.

mod evaluate;
mod export;
mod features;
mod fit;
mod import;

use crate::TrainError;
use crate::cli::{Cli, Command};

/// Does what the command line says.
///
/// # Errors
///
/// Whatever stands in the way.
pub fn run(cli: Cli) -> Result<(), TrainError> {
    match cli.command {
        Command::Features(args) => features::run(&args),
        Command::Fit(args) => fit::run(&args),
        Command::Evaluate(args) => evaluate::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Import(args) => import::run(&args),
    }
}
