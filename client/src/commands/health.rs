//! `ser-client health`: is the server serving?

use std::{io::Write, time::Duration};

use ser_client::{Client, Error, ServingStatus, Timeouts};
use tokio::time::{Instant, sleep, timeout};

use crate::{
    cli::{Connection, HealthArgs},
    failure::Failure,
    output::json,
};

/// Between two attempts to connect. A server that is there is watched instead.
const RETRY: Duration = Duration::from_millis(100);

pub(crate) async fn run(connection: &Connection, args: &HealthArgs) -> Result<(), Failure> {
    let server = &connection.server;
    let asked = match args.wait {
        Some(wait) => until_serving(connection, wait).await,
        None => ask(connection).await,
    };
    let mut out = anstream::stdout();
    if args.json {
        json::write_health(&mut out, server, &asked)?;
    } else if asked.is_ok() {
        writeln!(out, "{server} serving")?;
    }
    asked
}

async fn ask(connection: &Connection) -> Result<(), Failure> {
    let client = super::connect(connection).await?;
    match client.health().await? {
        ServingStatus::Serving => Ok(()),
        status => Err(Failure::NotServing {
            server: connection.server.clone(),
            status: status.as_str_name().to_lowercase(),
        }),
    }
}

async fn until_serving(connection: &Connection, wait: Duration) -> Result<(), Failure> {
    let start = Instant::now();
    let left = || wait.saturating_sub(start.elapsed());
    let not_serving = |why| Failure::NotServingInTime {
        server: connection.server.clone(),
        waited: humantime::format_duration(wait).to_string(),
        why,
    };
    loop {
        let timeouts = connection.timeouts();
        let timeouts = Timeouts {
            connect: timeouts.connect.min(left()),
            ..timeouts
        };
        let error = match Client::connect_with(&connection.server, timeouts).await {
            Ok(client) => match timeout(left(), client.until_serving()).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) => error,
                Err(_) => return Err(not_serving(None)),
            },
            Err(error) => error,
        };
        match error {
            Error::Address { .. } | Error::Rejected { .. } => return Err(error.into()),
            // It may yet start, or start again.
            _ if left() > RETRY => sleep(RETRY).await,
            _ => return Err(not_serving(Some(error))),
        }
    }
}
