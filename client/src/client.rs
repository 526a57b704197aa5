//! The calls to servers.

use std::{sync::Arc, time::Duration};

use ser_proto::v1::{
    GetModelRequest, ListModelsRequest, Model, StreamingConfig, models_client::ModelsClient,
};
use tokio::time::timeout;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::{
    AudioSink, ClientBuilder, Error, ResultStream, Timeouts,
    connection::{Connection, Pool},
    stream,
};

/// Connections to a server, or to several that serve alike. Clones share them.
///
/// Calls and streams go round all IP addresses of all servers. One that fails is
/// passed over, and returns once it can be reached again. The names of servers are
/// resolved again every 30 s, and when a server fails. A call that comes to nothing for
/// a reason that [may pass](Error::may_pass), such as a server that is full, is made
/// again, on the next server, for [`Timeouts::connect`]. A stream that has started is
/// resumed where its results have come to, on the next server, and tried to be for
/// [`Timeouts::resume`]: it keeps the audio for that, and its user gets every result once.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) pool: Arc<Pool>,
    pub(crate) timeouts: Timeouts,
}

impl Client {
    /// Connects to the server at `address`, `http://HOST:PORT` or `https://HOST:PORT`, with the default
    /// settings.
    ///
    /// # Errors
    ///
    /// As [`ClientBuilder::connect`].
    pub async fn connect(address: &str) -> Result<Self, Error> {
        Self::builder([address]).connect().await
    }

    /// Connects to the server at `address`, `http://HOST:PORT`. While nothing answers
    /// there, tries again for [`Timeouts::connect`].
    ///
    /// # Errors
    ///
    /// As [`ClientBuilder::connect`].
    pub async fn connect_with(address: &str, timeouts: Timeouts) -> Result<Self, Error> {
        Self::builder([address]).timeouts(timeouts).connect().await
    }

    /// Settings of a client of `servers`, each `http://HOST:PORT` or
    /// `https://HOST:PORT`. A host name that stands for several IP addresses, such as that of a headless Kubernetes service,
    /// counts as so many servers.
    pub fn builder<S: Into<String>>(servers: impl IntoIterator<Item = S>) -> ClientBuilder {
        ClientBuilder::new(servers.into_iter().map(Into::into).collect())
    }

    /// The same connections with other limits. With a [`Timeouts::connect`] of 0 a call
    /// is made once, on a connection that there is already, and with a
    /// [`Timeouts::resume`] of 0 a stream ends with the first failure, so that whoever
    /// counts failures sees each.
    #[must_use]
    pub fn with_timeouts(&self, timeouts: Timeouts) -> Self {
        Self {
            pool: Arc::clone(&self.pool),
            timeouts,
        }
    }

    /// Opens a stream: audio as `config` describes it goes into the sink,
    /// results come out of the other half. Returns as soon as the server has
    /// accepted the config; while none can serve, tries again for
    /// [`Timeouts::connect`].
    ///
    /// When the server is lost, stops, or can't serve any more, another goes on with the
    /// stream, told by [`Event::Resumed`](crate::Event::Resumed). For that the client keeps
    /// the audio that results yet to come may need: at most that of the model's window and
    /// hop, and 60 s more. A stream whose `config` resumes one that ended is to be sent the
    /// audio from its [`replay_from_sample`](ser_proto::v1::Resume::replay_from_sample) on.
    ///
    /// # Errors
    ///
    /// [`Error::Rejected`] when the server refuses `config`, with the messages
    /// that the protocol lists; [`Error::Unavailable`], [`Error::Silent`],
    /// [`Error::Lost`], [`Error::Failed`] and [`Error::Protocol`].
    pub async fn stream(
        &self,
        config: StreamingConfig,
    ) -> Result<(AudioSink, ResultStream), Error> {
        stream::open(self, config).await
    }

    /// Every model that is served, the default first. Waits like
    /// [`stream`](Self::stream).
    ///
    /// # Errors
    ///
    /// [`Error::Unreachable`], [`Error::Unavailable`], [`Error::Silent`],
    /// [`Error::Lost`], [`Error::Failed`], [`Error::Protocol`], and
    /// [`Error::Rejected`] by a server without this service.
    pub async fn models(&self) -> Result<Vec<Model>, Error> {
        let ask = |connection: Connection| async move {
            let mut service = ModelsClient::new(connection.channel());
            let answer = service.list_models(ListModelsRequest {});
            connection.answer(self.timeouts.answer, answer).await
        };
        Ok(self.call(self.timeouts.connect, ask).await?.models)
    }

    /// The model called `name` or `name/version`; the default one when empty.
    ///
    /// # Errors
    ///
    /// [`Error::Rejected`] when it is not served, otherwise as
    /// [`models`](Self::models).
    pub async fn model(&self, name: &str) -> Result<Model, Error> {
        let ask = |connection: Connection| async move {
            let mut service = ModelsClient::new(connection.channel());
            let request = GetModelRequest {
                model: name.to_owned(),
            };
            let answer = service.get_model(request);
            let answer = connection.answer(self.timeouts.answer, answer).await?;
            answer
                .model
                .ok_or_else(|| connection.protocol_error("no model", "a model"))
        };
        self.call(self.timeouts.connect, ask).await
    }

    /// Whether the next server as a whole is serving (`grpc.health.v1`). Asks once.
    ///
    /// # Errors
    ///
    /// As [`models`](Self::models).
    pub async fn health(&self) -> Result<ServingStatus, Error> {
        let connection = self.connection().await?;
        let mut service = HealthClient::new(connection.channel());
        let answer = service.check(HealthCheckRequest::default());
        let response = connection.answer(self.timeouts.answer, answer).await?;
        Ok(response.status())
    }

    /// Watches the next server until it is serving, for `limit` at most; gives its
    /// last status.
    ///
    /// # Errors
    ///
    /// As [`models`](Self::models), also when the server ends the watch.
    pub async fn until_serving(&self, limit: Duration) -> Result<ServingStatus, Error> {
        let connection = self.connection().await?;
        let mut service = HealthClient::new(connection.channel());
        let answer = service.watch(HealthCheckRequest::default());
        let mut changes = connection.answer(self.timeouts.answer, answer).await?;
        let mut status = ServingStatus::Unknown;
        let watch = async {
            while status != ServingStatus::Serving {
                let change = changes.message().await;
                let change = change.map_err(|status| connection.failure(&status))?;
                let expected = || connection.protocol_error("the end of the watch", "a status");
                status = change.ok_or_else(expected)?.status();
            }
            Ok(())
        };
        // A status that isn't the one waited for is an answer, too.
        timeout(limit, watch).await.unwrap_or(Ok(()))?;
        Ok(status)
    }

    /// A connection to the next server, for a call that isn't made again.
    pub(crate) async fn connection(&self) -> Result<Connection, Error> {
        self.pool.connection(self.timeouts.connect).await
    }

    /// What `call` gives, on the first server that can serve within `limit`.
    pub(crate) async fn call<T, F>(
        &self,
        limit: Duration,
        call: impl Fn(Connection) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let call = &call;
        let attempt = |left| async move { call(self.pool.connection(left).await?).await };
        self.pool.retry(limit, attempt).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_can_be_spawned() {
        fn spawnable(_: impl Future<Output = Result<(), Error>> + Send + 'static) {}
        spawnable(async {
            let client = Client::connect("http://here:1").await?;
            client.stream(StreamingConfig::default()).await?;
            client.models().await?;
            client.model("").await?;
            client.until_serving(Duration::MAX).await?;
            Ok(())
        });
    }
}
