//! Options of every command that talks to a server.

use std::{env, path::PathBuf, time::Duration};

use clap::Args;
use ser_client::{Client, ClientBuilder, Timeouts, Tls, Token};

use super::values::duration;

/// Holds a token. There is no flag for one: other users of the machine see command
/// lines, and shells keep them.
const TOKEN: &str = "SER_TOKEN";

/// Where the servers are, how they are known, and how long to wait for them.
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
    /// CAs of servers at https:// that are believed, instead of the system's; PEM.
    #[arg(long, global = true, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Certificate to show servers that ask for one; PEM, with --key.
    #[arg(long, global = true, value_name = "FILE")]
    cert: Option<PathBuf>,
    /// Private key of --cert; PEM.
    #[arg(long, global = true, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Name to expect in the server's certificate, where it isn't that in its address.
    #[arg(long, global = true, value_name = "NAME")]
    server_name: Option<String>,
    /// File with the token to show servers [default: the token in SER_TOKEN, if it is
    /// set]. There is no flag for the token itself: others could read it in the list of
    /// processes.
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Show the token also to servers on other machines at http://, where whoever is on
    /// the way can read it.
    #[arg(long, global = true)]
    token_over_plaintext: bool,
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

    /// What goes together. The error is a message.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        match (&self.cert, &self.key) {
            (Some(_), None) => Err("--cert needs its private key; give --key beside it"),
            (None, Some(_)) => Err("--key needs its certificate; give --cert beside it"),
            _ if self.token_over_plaintext && self.token().is_none() => {
                Err("--token-over-plaintext needs a token; give --token-file, or set SER_TOKEN")
            }
            _ => Ok(()),
        }
    }

    /// A client of `servers` with these settings.
    pub(crate) fn client(&self, servers: &[String]) -> ClientBuilder {
        let mut client = Client::builder(servers).timeouts(self.timeouts());
        if let Some(tls) = self.tls() {
            client = client.tls(tls);
        }
        if let Some(token) = self.token() {
            client = client.token(token);
        }
        client
    }

    /// What flags say of TLS, if they do.
    fn tls(&self) -> Option<Tls> {
        let mut tls = None;
        if let Some(file) = &self.ca {
            tls = Some(tls.unwrap_or_else(Tls::new).ca(file));
        }
        if let (Some(certificate), Some(key)) = (&self.cert, &self.key) {
            tls = Some(tls.unwrap_or_else(Tls::new).identity(certificate, key));
        }
        if let Some(name) = &self.server_name {
            tls = Some(tls.unwrap_or_else(Tls::new).server_name(name));
        }
        tls
    }

    fn token(&self) -> Option<Token> {
        let token = match &self.token_file {
            Some(file) => Token::file(file),
            None => Token::new(env::var_os(TOKEN)?.to_string_lossy()),
        };
        Some(if self.token_over_plaintext {
            token.over_plaintext()
        } else {
            token
        })
    }

    pub(crate) fn timeouts(&self) -> Timeouts {
        Timeouts {
            connect: self.connect_timeout,
            answer: self.answer_timeout,
            ..Timeouts::default()
        }
    }
}
