//! The connection to a server's admin service.

use std::time::Duration;

use ser_proto::admin::v1::{
    GetLogLevelRequest, ListRepositoryRequest, LoadModelRequest, LogLevel, ReloadModelRequest,
    RepositoryModel, SetLogLevelRequest, UnloadModelRequest, logging_client::LoggingClient,
    model_repository_client::ModelRepositoryClient,
};

use crate::{
    Client, Error, Timeouts,
    connection::{Calls, Connection},
};

/// The longest time that a message holds.
const LONGEST: prost_types::Duration = prost_types::Duration {
    seconds: i64::MAX,
    nanos: 0,
};

/// A connection to the admin service of a server, which has an address of its own.
/// Clones share it.
///
/// No call is made twice. Each fails with [`Error::Unreachable`],
/// [`Error::Unavailable`], [`Error::Silent`], [`Error::Lost`], [`Error::Failed`], and
/// with [`Error::Rejected`] as the protocol lists it, or by a server without this
/// service.
#[derive(Debug, Clone)]
pub struct AdminClient {
    client: Client,
}

impl AdminClient {
    /// Connects to `address`, `http://HOST:PORT`, like [`Client::connect_with`].
    ///
    /// # Errors
    ///
    /// [`Error::Address`] and [`Error::Unreachable`].
    pub async fn connect(address: &str, timeouts: Timeouts) -> Result<Self, Error> {
        let client = Client::connect_with(address, timeouts).await?;
        Ok(Self { client })
    }

    /// The same over `client`, whose servers are admin services: for TLS and tokens.
    #[must_use]
    pub fn over(client: Client) -> Self {
        Self { client }
    }

    /// Every version that the server finds or serves, by name, the newest version
    /// of each first.
    ///
    /// # Errors
    ///
    /// See [`AdminClient`].
    pub async fn list(&self) -> Result<Vec<RepositoryModel>, Error> {
        let (connection, mut service) = self.service().await?;
        let answer = service.list_repository(ListRepositoryRequest {});
        let limit = self.client.timeouts.answer;
        Ok(connection.answer(limit, answer).await?.models)
    }

    /// Serves `model`, as `name/version`, to new streams; waits `limit` at most until
    /// it is loaded. What is served already and is up is left alone.
    ///
    /// # Errors
    ///
    /// See [`AdminClient`].
    pub async fn load(&self, model: &str, limit: Duration) -> Result<RepositoryModel, Error> {
        let model = model.to_owned();
        let (connection, mut service) = self.service().await?;
        let answer = service.load_model(LoadModelRequest { model });
        present(&connection, connection.answer(limit, answer).await?.model)
    }

    /// Loads `model` again and serves it in place of what was served under its name
    /// and version; waits `limit` at most until it is loaded.
    ///
    /// # Errors
    ///
    /// See [`AdminClient`].
    pub async fn reload(&self, model: &str, limit: Duration) -> Result<RepositoryModel, Error> {
        let model = model.to_owned();
        let (connection, mut service) = self.service().await?;
        let answer = service.reload_model(ReloadModelRequest { model });
        present(&connection, connection.answer(limit, answer).await?.model)
    }

    /// Takes `model`, as `name/version`, from new streams; waits `limit` at most for
    /// its turn, since a load may be under way.
    ///
    /// # Errors
    ///
    /// See [`AdminClient`].
    pub async fn unload(&self, model: &str, limit: Duration) -> Result<RepositoryModel, Error> {
        let model = model.to_owned();
        let (connection, mut service) = self.service().await?;
        let answer = service.unload_model(UnloadModelRequest { model });
        present(&connection, connection.answer(limit, answer).await?.model)
    }

    /// What the server logs.
    ///
    /// # Errors
    ///
    /// See [`AdminClient`].
    pub async fn log_level(&self) -> Result<LogLevel, Error> {
        let connection = self.client.connection().await?;
        let mut service = LoggingClient::new(connection.channel());
        let answer = service.get_log_level(GetLogLevelRequest {});
        let limit = self.client.timeouts.answer;
        let level = connection.answer(limit, answer).await?.level;
        level.ok_or_else(|| connection.protocol_error("no level", "a level"))
    }

    /// Has the server log what `level` lets through, written as its configuration
    /// writes `log.level`, or what that says if `None`; for good, or for as long as
    /// `lasts`.
    ///
    /// # Errors
    ///
    /// See [`AdminClient`].
    pub async fn set_log_level(
        &self,
        level: Option<&str>,
        lasts: Option<Duration>,
    ) -> Result<LogLevel, Error> {
        let request = SetLogLevelRequest {
            level: level.unwrap_or_default().to_owned(),
            // What is too long for a message is too long for a server.
            lasts: lasts.map(|lasts| lasts.try_into().unwrap_or(LONGEST)),
        };
        let connection = self.client.connection().await?;
        let mut service = LoggingClient::new(connection.channel());
        let answer = service.set_log_level(request);
        let limit = self.client.timeouts.answer;
        let level = connection.answer(limit, answer).await?.level;
        level.ok_or_else(|| connection.protocol_error("no level", "a level"))
    }

    async fn service(&self) -> Result<(Connection, ModelRepositoryClient<Calls>), Error> {
        let connection = self.client.connection().await?;
        let service = ModelRepositoryClient::new(connection.channel());
        Ok((connection, service))
    }
}

fn present(
    connection: &Connection,
    model: Option<RepositoryModel>,
) -> Result<RepositoryModel, Error> {
    model.ok_or_else(|| connection.protocol_error("no model", "a model"))
}
