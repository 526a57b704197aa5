//! One module for each subcommand.

mod admin;
pub(crate) mod bench;
mod classify;
mod completions;
#[cfg(feature = "microphone")]
mod devices;
mod health;
mod inputs;
mod models;
mod mute;
mod stop;
mod stream;

use ser_client::Client;

pub(crate) use self::{
    mute::Mute,
    stop::{Leave, Stop},
};

use crate::{
    cli::{Command, CommandLine, Connection},
    failure::Failure,
};

pub(crate) async fn run(command_line: CommandLine) -> Result<(), Failure> {
    let connection = command_line.connection;
    match command_line.command {
        Command::Stream(args) => stream::run(&connection, &args).await,
        Command::Classify(args) => classify::run(&connection, &args).await,
        #[cfg(feature = "microphone")]
        Command::Devices(args) => devices::run(&args).await,
        Command::Bench(args) => bench::run(&connection, &args).await,
        Command::Models(args) => models::run(&connection, &args).await,
        Command::Health(args) => health::run(&connection, &args).await,
        Command::Admin(args) => admin::run(&connection, &args).await,
        Command::Completions(args) => completions::run(&args),
    }
}

async fn connect(connection: &Connection) -> Result<Client, ser_client::Error> {
    connection.client(&connection.servers).connect().await
}
