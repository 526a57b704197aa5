//! `ser-client health`: are the servers serving?

use std::{io::Write, slice::from_ref, time::Duration};

use futures_util::future::join_all;
use ser_client::{Error, ServingStatus, Timeouts};
use tokio::time::{Instant, sleep};

use crate::{
    cli::{Connection, HealthArgs},
    failure::{Failure, report},
    output::json,
};

/// Between two attempts to connect. A server that is there is watched instead.
const RETRY: Duration = Duration::from_millis(100);

/// Asks every server; fails unless all are serving.
pub(crate) async fn run(connection: &Connection, args: &HealthArgs) -> Result<(), Failure> {
    let checks = connection.servers.iter().map(|server| async move {
        match args.wait {
            Some(wait) => until_serving(connection, server, wait).await,
            None => ask(connection, server).await,
        }
    });
    let mut out = anstream::stdout();
    let mut failure = None;
    for (server, asked) in connection.servers.iter().zip(join_all(checks).await) {
        if args.json {
            json::write_health(&mut out, server, &asked)?;
        } else if asked.is_ok() {
            writeln!(out, "{server} serving")?;
        }
        // The last one is left to the end of the program.
        if let Some(earlier) = asked.err().and_then(|asked| failure.replace(asked)) {
            report(&earlier);
        }
    }
    failure.map_or(Ok(()), Err)
}

async fn ask(connection: &Connection, server: &String) -> Result<(), Failure> {
    let client = connection.client(from_ref(server)).connect().await?;
    match client.health().await? {
        ServingStatus::Serving => Ok(()),
        status => Err(Failure::NotServing {
            server: server.to_owned(),
            status: status.as_str_name().to_lowercase(),
        }),
    }
}

async fn until_serving(
    connection: &Connection,
    server: &String,
    wait: Duration,
) -> Result<(), Failure> {
    let timeouts = connection.timeouts();
    let start = Instant::now();
    let left = || wait.saturating_sub(start.elapsed());
    let not_serving = |why| Failure::NotServingInTime {
        server: server.to_owned(),
        waited: wait,
        why,
    };
    loop {
        let timeouts = Timeouts {
            connect: timeouts.connect.min(left()),
            ..timeouts
        };
        let client = connection.client(from_ref(server));
        let watched = match client.timeouts(timeouts).connect().await {
            Ok(client) => client.until_serving(left()).await,
            Err(error) => Err(error),
        };
        match watched {
            Ok(ServingStatus::Serving) => return Ok(()),
            Ok(_) => return Err(not_serving(None)),
            Err(error) if !is_mended_by_time(&error) => return Err(error.into()),
            // It may yet start, or start again.
            Err(_) if left() > RETRY => sleep(RETRY).await,
            Err(error) => return Err(not_serving(Some(error.into()))),
        }
    }
}

/// Whether it is worth while to ask again: not what the user has to change.
fn is_mended_by_time(error: &Error) -> bool {
    !matches!(
        error,
        Error::Address { .. }
            | Error::Rejected { .. }
            | Error::Tls { .. }
            | Error::Credential { .. }
            | Error::TokenInClear { .. }
    )
}
