//! Every chore of this repository behind one door: `cargo xtask COMMAND`.

mod bench;
mod ci;
mod cli;
mod comparison;
mod demo;
mod deny;
mod deploy;
mod error;
mod foreign;
mod fuzz;
mod gpu;
mod image;
mod interrupts;
mod log;
mod onnxruntime;
mod prometheus;
mod replicas;
mod samples;
mod screenshot;
mod server;
mod setup;
mod stopwatch;
mod tally;
mod test;
mod triton;
mod verify;
mod workspace;

use std::process::ExitCode;

use cli::{Command, Invocation};
use error::Error;
use workspace::Workspace;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            match error {
                Error::Usage(_) | Error::UnknownCommand(_) => ExitCode::from(2),
                _ => ExitCode::FAILURE,
            }
        }
    }
}

fn run() -> Result<(), Error> {
    let command = match cli::parse(lexopt::Parser::from_env())? {
        Invocation::Help(text) => {
            print!("{text}");
            return Ok(());
        }
        Invocation::Run(command) => command,
    };
    let workspace = Workspace::open()?;
    if command.builds_the_client() {
        setup::alsa(&workspace)?;
    }
    match command {
        Command::Demo { audio, replicas } => demo::run(&workspace, audio, replicas),
        Command::Test => test::run(&workspace),
        Command::Ci => ci::run(&workspace),
        Command::Bench => bench::run(&workspace),
        Command::Verify { steps, corpora } => verify::run(&workspace, &steps, corpora),
        Command::Onnxruntime { gpu } => onnxruntime::run(&workspace, gpu),
        Command::Fuzz(runs) => fuzz::run(&workspace, &runs),
        Command::Gpu => gpu::run(&workspace),
        Command::Deploy => deploy::run(&workspace),
        Command::Image => image::run(&workspace),
        Command::Samples => samples::run(&workspace),
        Command::Screenshot => screenshot::run(&workspace),
    }
}
