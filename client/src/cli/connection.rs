//! Options of every command that talks to a server.

use std::time::Duration;

use clap::Args;
use ser_client::Timeouts;

use super::values::duration;

/// Where the servers are, and how long to wait for them.
#[derive(Debug, Clone, Args)]
pub(crate) struct Connection {
    /// Address of the server. Of several, separated by commas or each with its own
    /// --server, and of all IP addresses of a host name, each call takes the next
    /// that works, except under `bench`.
    #[arg(
        long = "server",
        global = true,
        value_name = "URL",
        value_delimiter = ',',
        env = "SER_CLIENT_SERVER",
        default_value = "http://127.0.0.1:50051"
    )]
    pub(crate) servers: Vec<String>,
    /// How long to wait for a server that is starting: for a connection, and for it
    /// to load its models.
    #[arg(long, global = true, value_name = "TIME", default_value = "5s", value_parser = duration)]
    connect_timeout: Duration,
    /// How long to wait for the server's first answer.
    #[arg(long, global = true, value_name = "TIME", default_value = "10s", value_parser = duration)]
    answer_timeout: Duration,
}

impl Connection {
    /// To the server alone whose turn it is the `index`-th time.
    pub(crate) fn one(&self, index: usize) -> Self {
        Self {
            servers: vec![self.servers[index % self.servers.len()].clone()],
            ..self.clone()
        }
    }

    pub(crate) fn timeouts(&self) -> Timeouts {
        Timeouts {
            connect: self.connect_timeout,
            answer: self.answer_timeout,
            ..Timeouts::default()
        }
    }
}
