//! The command line.

use std::{
    convert::Infallible,
    io::{self, Write as _},
    net::SocketAddr,
    path::PathBuf,
};

use clap::{Args, Parser, Subcommand};

use crate::{
    Error,
    auth::principal_name,
    config::{LogFormat, Overrides, address},
};

/// Recognises emotions in speech while the person is still speaking.
///
/// Settings come from four places, each winning over those before it: defaults,
/// the file given with --config, environment variables named
/// SER__SECTION__KEY (for instance SER__LIMITS__IDLE=30s), and these flags.
/// `ser-server config example` prints every setting with its default and what it
/// is for.
#[derive(Debug, Parser)]
#[command(name = "ser-server", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    serve: Sources,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print which backends and execution providers work here, and why the rest don't
    Backends(Inventory),

    /// Look at settings without serving: what is wrong with them, what they come to
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Make a token for somebody who may use the server.
    ///
    /// Standard output gets the lines for the file that auth.tokens or admin.tokens
    /// names, which hold a hash; the token goes to a file or to standard error, and
    /// can't be shown again.
    Token(TokenFor),
}

/// What `ser-server config` takes.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Check what a start would, without listening
    ///
    /// Settings from file, environment and flags; certificates, keys, lists of
    /// revocations, tokens and headers in the files that they name; and the model
    /// packages, which are loaded and have to reproduce their golden values. Prints
    /// everything that is wrong and exits with 2, or says what would be served, and
    /// how much memory that takes at most.
    Check {
        /// The settings to check.
        #[command(flatten)]
        sources: Sources,

        /// Read and check the packages without loading them, for machines without
        /// the backends or devices to run them on
        #[arg(long)]
        no_load: bool,
    },
    /// Print every setting with its value and where that comes from
    ///
    /// As a configuration file, or as JSON. All of it: settings name the files that
    /// hold secrets, and hold none.
    Print {
        /// The settings to print.
        #[command(flatten)]
        sources: Sources,

        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print a configuration file with every setting, its default and what it is for
    Example,
    /// Print the JSON Schema of configuration files, which editors can use
    Schema,
}

/// What `ser-server token` takes.
#[derive(Debug, Args)]
pub struct TokenFor {
    /// What logs and metrics call its owner. Several tokens may have one name.
    #[arg(value_parser = principal_name)]
    pub name: String,

    /// New file for the token, which its owner alone can read
    #[arg(long, value_name = "FILE", value_parser = path)]
    pub token_file: Option<PathBuf>,
}

/// What `ser-server backends` takes.
#[derive(Debug, Args)]
pub struct Inventory {
    /// Configuration file in TOML, for plugins and the backends' settings
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Where settings come from besides the environment.
#[derive(Debug, Args)]
pub struct Sources {
    /// Configuration file in TOML
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Address to listen on; port 0 takes a free one [default: 127.0.0.1:50051]
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = address::parse)]
    listen: Option<SocketAddr>,

    /// File that the bound port is written to, in decimal
    #[arg(long, value_name = "FILE", value_parser = path)]
    port_file: Option<PathBuf>,

    /// Directory of model packages, NAME/VERSION/, that are all served
    #[arg(long, value_name = "DIR", value_parser = path)]
    models_dir: Option<PathBuf>,

    /// Model of requests that name none: name or name/version
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,

    /// Address of the admin service, which loads and unloads models, for instance
    /// 127.0.0.1:50052 [default: none]
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = address::parse)]
    admin_listen: Option<SocketAddr>,

    /// How log lines look [default: pretty]
    #[arg(long, value_enum, value_name = "FORMAT")]
    log_format: Option<LogFormat>,

    /// What is logged, for instance warn or info,ser_server=debug [default: info]
    #[arg(long, value_name = "FILTER")]
    log_level: Option<String>,
}

/// What the command line asks for.
#[derive(Debug)]
pub enum Invocation {
    /// To serve, by these settings.
    Serve(Sources),
    /// To look at the backends.
    Backends(Inventory),
    /// To make a token.
    Token(TokenFor),
    /// To look at the settings.
    Config(ConfigCommand),
}

impl Cli {
    /// What is asked for.
    #[must_use]
    pub fn into_invocation(self) -> Invocation {
        match self.command {
            Some(Command::Backends(inventory)) => Invocation::Backends(inventory),
            Some(Command::Token(asked)) => Invocation::Token(asked),
            Some(Command::Config(command)) => Invocation::Config(command),
            None => Invocation::Serve(self.serve),
        }
    }
}

impl Sources {
    /// The configuration file, and what the other flags set.
    #[must_use]
    pub fn into_parts(self) -> (Option<PathBuf>, Overrides) {
        let Self {
            config,
            listen,
            port_file,
            models_dir,
            model,
            admin_listen,
            log_format,
            log_level,
        } = self;
        let flags = Overrides {
            listen,
            port_file,
            models_dir,
            model,
            admin_listen,
            log_format,
            log_level,
        };
        (config, flags)
    }
}

/// A path that can be printed: clap takes UTF-8 alone where it hands on a string.
fn path(text: &str) -> Result<PathBuf, Infallible> {
    Ok(text.into())
}

/// Writes to standard output.
///
/// # Errors
///
/// [`Error::Io`] when that fails; not when whoever reads has read enough.
pub fn print(text: &str) -> Result<(), Error> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(|source| Error::Io {
            what: "standard output".to_owned(),
            source,
        }),
    }
}
