//! The connection, and the calls on it.

use std::{sync::Arc, time::Duration};

use ser_proto::v1::{
    GetModelRequest, ListModelsRequest, Model, StreamingConfig, models_client::ModelsClient,
};
use tokio::time::{Instant, timeout};
use tonic::{
    Response, Status,
    transport::{Channel, Endpoint},
};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::{AudioSink, Error, ResultStream, patience::persist, stream};

/// How often an idle connection is probed, and how long the probe may take: a
/// machine that vanished without a word is noticed after twice this.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// How long a [`Client`] waits before it gives up with an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection, and for a server that is still loading its models.
    /// Default: 5 s.
    pub connect: Duration,
    /// For the first answer to a call. Default: 10 s.
    pub answer: Duration,
    /// For the server to take more audio, and for each further answer after the
    /// half-close. Default: 30 s.
    pub silence: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(10),
            silence: Duration::from_secs(30),
        }
    }
}

/// A connection to a server. Clones share it.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) channel: Channel,
    pub(crate) address: Arc<str>,
    pub(crate) timeouts: Timeouts,
}

impl Client {
    /// Connects to `address`, `http://HOST:PORT`, with the default [`Timeouts`].
    ///
    /// # Errors
    ///
    /// [`Error::Address`] and [`Error::Unreachable`].
    pub async fn connect(address: &str) -> Result<Self, Error> {
        Self::connect_with(address, Timeouts::default()).await
    }

    /// Connects to `address`, `http://HOST:PORT`. While nothing listens there, tries
    /// again for [`Timeouts::connect`].
    ///
    /// # Errors
    ///
    /// [`Error::Address`] and [`Error::Unreachable`].
    pub async fn connect_with(address: &str, timeouts: Timeouts) -> Result<Self, Error> {
        let malformed = || Error::Address {
            address: address.to_owned(),
        };
        let endpoint = Endpoint::from_shared(address.to_owned()).map_err(|_| malformed())?;
        if endpoint.uri().scheme_str() != Some("http") {
            return Err(malformed());
        }
        let endpoint = endpoint
            .tcp_nodelay(true)
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE);
        let start = Instant::now();
        let attempt = || async {
            let left = timeouts.connect.saturating_sub(start.elapsed());
            timeout(left, endpoint.connect())
                .await
                .map_err(|_| Error::Unreachable {
                    address: address.to_owned(),
                    refused: false,
                    reason: format!("no connection within {:?}", timeouts.connect),
                })?
                .map_err(|error| Error::from_transport(address, &error))
        };
        let refused = |error: &Error| matches!(error, Error::Unreachable { refused: true, .. });
        let channel = persist(timeouts.connect, refused, attempt).await?;
        Ok(Self {
            channel,
            address: address.into(),
            timeouts,
        })
    }

    /// Opens a stream: audio as `config` describes it goes into the sink,
    /// results come out of the other half. Returns as soon as the server has
    /// accepted the config; waits up to [`Timeouts::connect`] for one that can't
    /// serve yet.
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
        self.once_available(|| stream::open(self, config.clone()))
            .await
    }

    /// Every model that is served, the default first. Waits like
    /// [`stream`](Self::stream).
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`], [`Error::Silent`], [`Error::Lost`],
    /// [`Error::Failed`], [`Error::Protocol`], and [`Error::Rejected`] by a server
    /// without this service.
    pub async fn models(&self) -> Result<Vec<Model>, Error> {
        let ask = || async {
            let mut service = ModelsClient::new(self.channel.clone());
            self.answer(service.list_models(ListModelsRequest {})).await
        };
        Ok(self.once_available(ask).await?.models)
    }

    /// The model called `name` or `name/version`; the default one when empty.
    ///
    /// # Errors
    ///
    /// [`Error::Rejected`] when it is not served, otherwise as
    /// [`models`](Self::models).
    pub async fn model(&self, name: &str) -> Result<Model, Error> {
        let ask = || async {
            let mut service = ModelsClient::new(self.channel.clone());
            let request = GetModelRequest {
                model: name.to_owned(),
            };
            self.answer(service.get_model(request)).await
        };
        self.once_available(ask)
            .await?
            .model
            .ok_or_else(|| self.protocol_error("no model", "a model"))
    }

    /// Whether the server as a whole is serving (`grpc.health.v1`).
    ///
    /// # Errors
    ///
    /// As [`models`](Self::models).
    pub async fn health(&self) -> Result<ServingStatus, Error> {
        let mut service = HealthClient::new(self.channel.clone());
        let response = self
            .answer(service.check(HealthCheckRequest::default()))
            .await?;
        Ok(response.status())
    }

    /// Watches the server until it is serving. Waits without a limit: the
    /// caller sets one.
    ///
    /// # Errors
    ///
    /// As [`models`](Self::models), also when the server ends the watch.
    pub async fn until_serving(&self) -> Result<(), Error> {
        let mut service = HealthClient::new(self.channel.clone());
        let mut changes = self
            .answer(service.watch(HealthCheckRequest::default()))
            .await?;
        loop {
            let change = changes
                .message()
                .await
                .map_err(|s| Error::from_status(&self.address, &s))?;
            match change {
                Some(change) if change.status() == ServingStatus::Serving => return Ok(()),
                Some(_) => {}
                None => return Err(self.protocol_error("the end of the watch", "a status")),
            }
        }
    }

    /// What `call` gives once the server can serve.
    async fn once_available<T, F>(&self, call: impl FnMut() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let unavailable = |error: &Error| matches!(error, Error::Unavailable { .. });
        persist(self.timeouts.connect, unavailable, call).await
    }

    /// The answer to `call`, within the limit for first answers.
    pub(crate) async fn answer<T>(
        &self,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T, Error> {
        self.answer_within(self.timeouts.answer, call).await
    }

    /// The answer to `call`, if it comes within `limit`.
    pub(crate) async fn answer_within<T>(
        &self,
        limit: Duration,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T, Error> {
        match timeout(limit, call).await {
            Ok(Ok(response)) => Ok(response.into_inner()),
            Ok(Err(status)) => Err(Error::from_status(&self.address, &status)),
            Err(_) => Err(Error::Silent {
                address: self.address.to_string(),
                waited: limit,
            }),
        }
    }

    pub(crate) fn protocol_error(&self, got: &'static str, expected: &'static str) -> Error {
        Error::Protocol {
            address: self.address.to_string(),
            expected,
            got,
        }
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
            client.until_serving().await
        });
    }

    #[tokio::test]
    async fn an_address_without_http_is_refused() {
        for address in [
            "",
            "localhost:50051",
            "https://localhost:50051",
            "http://",
            "a b",
        ] {
            let error = Client::connect(address)
                .await
                .expect_err("no usable address");
            assert!(matches!(&error, Error::Address { address: kept } if kept == address));
        }
    }
}
