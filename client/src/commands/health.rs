//! `ser-client health`: is the server serving?

use std::{io::Write, time::Duration};

use ser_client::{Error, ServingStatus};
use tokio::time::{sleep, timeout};

use crate::{
    cli::{Connection, HealthArgs},
    failure::Failure,
    output::json,
};

/// Between two attempts to connect. A server that is there is watched instead.
const RETRY: Duration = Duration::from_millis(100);

pub(crate) async fn run(connection: &Connection, args: &HealthArgs) -> Result<(), Failure> {
    let server = &connection.server;
    let status = match args.wait {
        Some(wait) => until_serving(connection, wait).await?,
        None => super::connect(connection).await?.health().await?,
    };
    let name = status.as_str_name().to_lowercase();
    let mut out = anstream::stdout();
    if args.json {
        json::write_health(&mut out, server, &name)?;
    } else {
        writeln!(out, "{server} {name}")?;
    }
    if status == ServingStatus::Serving {
        Ok(())
    } else {
        Err(Failure::NotServing {
            server: server.clone(),
            status: name,
        })
    }
}

async fn until_serving(connection: &Connection, wait: Duration) -> Result<ServingStatus, Failure> {
    let mut why = String::new();
    let attempts = async {
        loop {
            let attempt = async {
                let client = super::connect(connection).await?;
                why = "it answers that it is not ready".to_owned();
                client.until_serving().await
            };
            match attempt.await {
                Ok(()) => return Ok(ServingStatus::Serving),
                Err(error @ (Error::Address { .. } | Error::Rejected { .. })) => return Err(error),
                // It may yet start, or start again.
                Err(error) => why = error.to_string(),
            }
            sleep(RETRY).await;
        }
    };
    match timeout(wait, attempts).await {
        Ok(outcome) => Ok(outcome?),
        Err(_) => Err(Failure::NotServingInTime {
            server: connection.server.clone(),
            waited: humantime::format_duration(wait).to_string(),
            why,
        }),
    }
}
