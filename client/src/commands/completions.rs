//! `ser-client completions`: what a shell completes the command line with.

use std::io::Write;

use clap::CommandFactory;

use crate::{
    cli::{CommandLine, CompletionsArgs},
    failure::Failure,
};

pub(crate) fn run(args: &CompletionsArgs) -> Result<(), Failure> {
    let mut script = Vec::new();
    let mut command = CommandLine::command();
    clap_complete::generate(args.shell, &mut command, "ser-client", &mut script);
    Ok(anstream::stdout().write_all(&script)?)
}
