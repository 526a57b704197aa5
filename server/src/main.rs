//! The server's command.

use std::process::ExitCode;

use clap::Parser;
use ser_server::{
    Error,
    auth::NewToken,
    cli::{self, Cli, Invocation, Sources, TokenFor},
    config::{self, Config},
    inventory,
    models::BackendRegistry,
    preflight, serve, shutdown,
    telemetry::Telemetry,
};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// Exit code when the server could not start or go on.
const FAILED: u8 = 1;
/// Exit code of a wrong configuration, as of wrong flags.
const MISCONFIGURED: u8 = 2;

fn main() -> ExitCode {
    match invoke() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ser-server: {error}");
            ExitCode::from(if error.is_misconfiguration() {
                MISCONFIGURED
            } else {
                FAILED
            })
        }
    }
}

fn invoke() -> Result<(), Error> {
    match Cli::parse().into_invocation() {
        Invocation::Serve(sources) => start(sources),
        Invocation::Backends(asked) => inventory::print(&asked, BackendRegistry::default()),
        Invocation::Token(asked) => new_token(&asked),
        Invocation::Config(command) => preflight::run(command, BackendRegistry::default()),
    }
}

fn start(sources: Sources) -> Result<(), Error> {
    let (file, flags) = sources.into_parts();
    let settings = config::load(file.as_deref(), &flags)?;
    let runtime = Runtime::new().map_err(|source| Error::Io {
        what: "runtime".to_owned(),
        source,
    })?;
    let telemetry = {
        let _within = runtime.enter();
        Telemetry::start(&settings.config)?
    };
    let served = runtime.block_on(async {
        let served = run(settings.config.clone(), telemetry.clone()).await;
        telemetry.flush().await;
        served
    });
    // A model that is still being loaded must not hold up the end.
    runtime.shutdown_background();
    served.map_err(|error| settings.explain(error))
}

/// Prints a token's lines, and puts the token apart from them.
fn new_token(asked: &TokenFor) -> Result<(), Error> {
    let TokenFor { name, token_file } = asked;
    let token = NewToken::generate();
    match token_file {
        Some(path) => token.write(path).map_err(|source| Error::Io {
            what: path.display().to_string(),
            source,
        })?,
        None => eprintln!("the token of {name}, shown only now: {}", token.token()),
    }
    cli::print(&token.entry(name))
}

/// Serves until SIGINT or SIGTERM; a second one ends the drain.
async fn run(config: Config, telemetry: Telemetry) -> Result<(), Error> {
    let signals = |source| Error::Io {
        what: "signal handlers".to_owned(),
        source,
    };
    let mut signals = shutdown::Signals::install(&config).map_err(signals)?;
    for (name, meant) in config::misspelt_variables() {
        warn!("environment variable {name} is not read; did you mean {meant}?");
    }
    let backends = BackendRegistry::default().with_plugins(&config.plugins)?;
    let listener = serve::bind(config.server.listen).await?;
    let stop = CancellationToken::new();
    let stopped = stop.clone().cancelled_owned();
    tokio::select! {
        served = serve::run(listener, config, backends, telemetry, stopped) => served,
        () = async {
            signals.next().await;
            stop.cancel();
            signals.next().await;
            warn!("told to stop again: what is still open is cut");
        } => Ok(()),
    }
}
