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
    // For bash, clap_complete 4.6.11 writes the hyphen of the program's name in two
    // ways, and the script finds no subcommand.
    let script = String::from_utf8_lossy(&script).replace("ser__subcmd__client", "ser__client");
    Ok(anstream::stdout().write_all(script.as_bytes())?)
}
