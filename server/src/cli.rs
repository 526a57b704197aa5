//! The command line.

use std::{net::SocketAddr, path::PathBuf};

use clap::Parser;

use crate::config::{LogFormat, Overrides};

/// Recognises emotions in speech while the person is still speaking.
///
/// Settings come from four places, each winning over those before it: defaults,
/// the file given with --config, environment variables named
/// SER__SECTION__KEY (for instance SER__LIMITS__IDLE=30s), and these flags.
#[derive(Debug, Parser)]
#[command(name = "ser-server", version)]
pub struct Cli {
    /// Configuration file in TOML
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Address to listen on; port 0 takes a free one [default: 127.0.0.1:50051]
    #[arg(long, value_name = "ADDRESS:PORT")]
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

    /// How log lines look [default: pretty]
    #[arg(long, value_enum, value_name = "FORMAT")]
    log_format: Option<LogFormat>,

    /// What is logged, for instance warn or info,ser_server=debug [default: info]
    #[arg(long, value_name = "FILTER")]
    log_level: Option<String>,
}

impl Cli {
    /// The configuration file, and what the other flags set.
    #[must_use]
    pub fn into_parts(self) -> (Option<PathBuf>, Overrides) {
        let Self {
            config,
            listen,
            port_file,
            models_dir,
            model,
            log_format,
            log_level,
        } = self;
        (
            config,
            Overrides {
                listen,
                port_file,
                models_dir,
                model,
                log_format,
                log_level,
            },
        )
    }
}
