//! The command line.

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    path::PathBuf,
};

use clap::{Args, Parser, Subcommand};

use crate::{
    Error,
    config::{LogFormat, Overrides, address},
};

/// Recognises emotions in speech while the person is still speaking.
///
/// Settings come from four places, each winning over those before it: defaults,
/// the file given with --config, environment variables named
/// SER__SECTION__KEY (for instance SER__LIMITS__IDLE=30s), and these flags.
/// --print-config prints every setting with its default and what it is for.
#[derive(Debug, Parser)]
#[command(name = "ser-server", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    serve: Serve,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print which backends and execution providers work here, and why the rest don't
    Backends(Inventory),
    /// Make a token for somebody who may use the server.
    ///
    /// Standard output gets the lines for the file that auth.tokens or admin.tokens
    /// names, which hold a hash; standard error gets the token, which can't be shown
    /// again.
    Token {
        /// What logs and metrics call its owner. Several tokens may have one name.
        name: String,
    },
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

#[derive(Debug, Args)]
struct Serve {
    /// Configuration file in TOML
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Print a configuration file with every setting, its default and what it is
    /// for, and exit
    #[arg(long, exclusive = true)]
    print_config: bool,

    /// Address to listen on; port 0 takes a free one [default: 127.0.0.1:50051]
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = address::parse)]
    listen: Option<SocketAddr>,

    /// File that the bound port is written to, in decimal
    #[arg(long, value_name = "FILE")]
    port_file: Option<PathBuf>,

    /// Directory of model packages, NAME/VERSION/, that are all served
    #[arg(long, value_name = "DIR")]
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
    /// To serve, by this configuration file and what the other flags set.
    Serve(Option<PathBuf>, Overrides),
    /// To look at the backends.
    Backends(Inventory),
    /// To make a token for whoever has this name.
    Token(String),
    /// To print [`config::EXAMPLE`](crate::config::EXAMPLE).
    PrintConfig,
}

impl Cli {
    /// What is asked for.
    #[must_use]
    pub fn into_invocation(self) -> Invocation {
        match self.command {
            Some(Command::Backends(inventory)) => Invocation::Backends(inventory),
            Some(Command::Token { name }) => Invocation::Token(name),
            None if self.serve.print_config => Invocation::PrintConfig,
            None => self.serve.into_invocation(),
        }
    }
}

impl Serve {
    fn into_invocation(self) -> Invocation {
        let Self {
            config,
            print_config: _,
            listen,
            port_file,
            models_dir,
            model,
            admin_listen,
            log_format,
            log_level,
        } = self;
        Invocation::Serve(
            config,
            Overrides {
                listen,
                port_file,
                models_dir,
                model,
                admin_listen,
                log_format,
                log_level,
            },
        )
    }
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
