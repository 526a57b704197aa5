//! The command line, parsed and then checked into the types of the domain.

mod admin;
mod bench;
mod classify;
mod connection;
#[cfg(feature = "microphone")]
mod microphone;
mod recognition;
mod resumption;
mod stream;
mod values;

use std::time::Duration;

use clap::{
    Args, CommandFactory, FromArgMatches, Parser, Subcommand, error::ErrorKind, parser::ValueSource,
};

#[cfg(feature = "microphone")]
pub(crate) use self::microphone::{DevicesArgs, MicrophoneArgs};
use self::values::duration;
pub(crate) use self::{
    admin::{AdminAction, AdminArgs, LogLevelArgs},
    bench::BenchArgs,
    classify::{ClassifyArgs, Format, Per},
    connection::Connection,
    recognition::Recognition,
    resumption::Resumption,
    stream::{Input, StreamArgs},
    values::is_svg,
};
use crate::{
    failure::EXIT_CODES,
    output::{BENCH_HELP, JSON_HELP, clips},
};

/// Recognise the emotion of speech while the person is still speaking.
#[derive(Debug, Parser)]
#[command(name = "ser-client", version, after_help = EXIT_CODES)]
pub(crate) struct CommandLine {
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Parses the arguments of the program, or ends it.
pub(crate) fn parse() -> CommandLine {
    let matches = CommandLine::command().get_matches();
    let names_servers = matches.value_source("servers") == Some(ValueSource::CommandLine);
    if names_servers && matches.subcommand_name() == Some("admin") {
        // In silence it would change another server than the one that was named.
        let message = "admin has an address of its own; give --admin-server instead of --server";
        CommandLine::command()
            .error(ErrorKind::ArgumentConflict, message)
            .exit();
    }
    let command_line = CommandLine::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    if let Err(message) = command_line.connection.check() {
        CommandLine::command()
            .error(ErrorKind::MissingRequiredArgument, message)
            .exit();
    }
    command_line
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Stream a recording or live audio, and show emotions as they come.
    ///
    /// A terminal gets a live view, which leaves a summary behind; a pipe one line a
    /// result (start, end, verdict, scores) and the summary, with notes about the
    /// stream on standard error; --json gives JSON lines. Ctrl-C (in the live view also
    /// q or Esc) stops sending and still shows the summary; m there turns a microphone off
    /// and on. When a server is lost or stops, another goes on with the stream.
    #[command(after_long_help = JSON_HELP)]
    Stream(StreamArgs),
    /// Classify recordings, many at once, as fast as the server takes them.
    ///
    /// Results come in the order in which files were named. A file that can't be
    /// classified is told on standard error, and the rest go on; the exit code tells
    /// whether there was one. When the server is lost for good, or Ctrl-C is pressed,
    /// what is done is complete.
    #[command(after_long_help = clips::JSON_HELP)]
    Classify(ClassifyArgs),
    /// List the microphones that `stream --mic` can record from.
    #[cfg(feature = "microphone")]
    Devices(DevicesArgs),
    /// Put load on a server, and measure how far its results lag behind.
    ///
    /// Streams run in real time, as if so many people were speaking. Lag counts from
    /// the instant at which the chunk was due that makes a result computable, so that a
    /// server that holds the client up can't hide it. Of several servers each gets as many
    /// connections, and one that fails is counted, not passed over. Ctrl-C stops and shows what was
    /// measured until then. Fails when with the fewest streams one failed or the lag
    /// passed --max-lag, and when all streams failed.
    #[command(after_long_help = BENCH_HELP)]
    Bench(Box<BenchArgs>),
    /// Show the models that the server has.
    Models(ModelsArgs),
    /// Ask whether the server is serving; success only if it is.
    Health(HealthArgs),
    /// Load and unload models while the server runs, and change what it logs.
    ///
    /// Asks the admin service, which has an address of its own and is off unless
    /// the server was started with --admin-listen. Open streams stay with the model
    /// that they began with.
    Admin(AdminArgs),
    /// Print what makes a shell complete the command line of ser-client.
    ///
    /// For instance `ser-client completions bash >
    /// ~/.local/share/bash-completion/completions/ser-client`, `ser-client
    /// completions fish > ~/.config/fish/completions/ser-client.fish`, or for zsh
    /// into a file `_ser-client` in a folder of $fpath.
    Completions(CompletionsArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ModelsArgs {
    /// One model, as NAME or NAME/VERSION [default: all].
    pub(crate) name: Option<String>,
    /// Print one JSON object a line for each model, of `type` "model".
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct HealthArgs {
    /// Wait until the server is serving, at most so long.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) wait: Option<Duration>,
    /// Print a JSON object of `type` "health": `server`, `status` (serving,
    /// not_serving, service_unknown, unknown, or unreachable without an answer),
    /// and `reason` unless it is serving.
    #[arg(long)]
    pub(crate) json: bool,
}

#[cfg(test)]
mod tests;
