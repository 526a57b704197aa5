//! The connection to a server's admin service.

use std::time::Duration;

use ser_proto::admin::v1::{
    ListRepositoryRequest, LoadModelRequest, ReloadModelRequest, RepositoryModel,
    UnloadModelRequest, model_repository_client::ModelRepositoryClient,
};
use tonic::transport::Channel;

use crate::{Client, Error, Timeouts};

/// A connection to the admin service of a server, which has an address of its own.
/// Clones share it.
///
/// Every method fails with [`Error::Unavailable`], [`Error::Silent`],
/// [`Error::Lost`], [`Error::Failed`], and with [`Error::Rejected`] as the protocol lists it, or by a server without
/// this service.
#[derive(Debug, Clone)]
pub struct AdminClient {
    connection: Client,
}

impl AdminClient {
    /// Connects to `address`, `http://HOST:PORT`, like [`Client::connect_with`].
    ///
    /// # Errors
    ///
    /// [`Error::Address`] and [`Error::Unreachable`].
    pub async fn connect(address: &str, timeouts: Timeouts) -> Result<Self, Error> {
        let connection = Client::connect_with(address, timeouts).await?;
        Ok(Self { connection })
    }

    /// Every version that the server finds or serves, by name, the newest version
    /// of each first.
    ///
    /// # Errors
    ///
    /// See [`AdminClient`].
    pub async fn list(&self) -> Result<Vec<RepositoryModel>, Error> {
        let call = async {
            self.service()
                .list_repository(ListRepositoryRequest {})
                .await
        };
        Ok(self.connection.answer(call).await?.models)
    }

    /// Serves `model`, as `name/version`, to new streams; waits `limit` at most until
    /// it is loaded. What is served already and is up is left alone.
    ///
    /// # Errors
    ///
    /// See [`AdminClient`].
    pub async fn load(&self, model: &str, limit: Duration) -> Result<RepositoryModel, Error> {
        let model = model.to_owned();
        let call = async { self.service().load_model(LoadModelRequest { model }).await };
        self.model(self.connection.answer_within(limit, call).await?.model)
    }

    /// Loads `model` again and serves it in place of what was served under its name
    /// and version; waits `limit` at most until it is loaded.
    ///
    /// # Errors
    ///
    /// See [`AdminClient`].
    pub async fn reload(&self, model: &str, limit: Duration) -> Result<RepositoryModel, Error> {
        let model = model.to_owned();
        let call = async {
            self.service()
                .reload_model(ReloadModelRequest { model })
                .await
        };
        self.model(self.connection.answer_within(limit, call).await?.model)
    }

    /// Takes `model`, as `name/version`, from new streams.
    ///
    /// # Errors
    ///
    /// See [`AdminClient`].
    pub async fn unload(&self, model: &str) -> Result<RepositoryModel, Error> {
        let model = model.to_owned();
        let call = async {
            self.service()
                .unload_model(UnloadModelRequest { model })
                .await
        };
        self.model(self.connection.answer(call).await?.model)
    }

    fn service(&self) -> ModelRepositoryClient<Channel> {
        ModelRepositoryClient::new(self.connection.channel.clone())
    }

    fn model(&self, model: Option<RepositoryModel>) -> Result<RepositoryModel, Error> {
        model.ok_or_else(|| self.connection.protocol_error("no model", "a model"))
    }
}
