//! What operators do, on a listener of its own: `ser.admin.v1.ModelRepository`, and the
//! services beside it.

use std::sync::Arc;

use ser_proto::admin::v1::{
    FILE_DESCRIPTOR_SET, ListRepositoryRequest, ListRepositoryResponse, LoadModelRequest,
    LoadModelResponse, ReloadModelRequest, ReloadModelResponse, RepositoryModel, State,
    UnloadModelRequest, UnloadModelResponse,
    logging_server::LoggingServer,
    model_repository_server::{ModelRepository, ModelRepositoryServer},
};
use tonic::{Request, Response, Status, service::Routes};

use super::{
    LARGEST_NAME_REQUEST,
    inference::{self, Listener},
    logging, reflection,
};
use crate::{
    Error,
    context::Context,
    models::{ModelState, ModelStatus, Repository},
};

/// Every service of the admin listener.
///
/// # Errors
///
/// [`Error::Internal`] when this build holds broken descriptors.
pub(crate) fn routes(context: &Arc<Context>) -> Result<Routes, Error> {
    let service = Service {
        context: Arc::clone(context),
    };
    let routes = Routes::new(
        ModelRepositoryServer::new(service).max_decoding_message_size(LARGEST_NAME_REQUEST),
    )
    .add_service(
        LoggingServer::new(logging::Service::new(context.log_level.clone()))
            .max_decoding_message_size(LARGEST_NAME_REQUEST),
    )
    .add_service(inference::service(context, Listener::Admin));
    reflection::beside(
        routes,
        &[
            FILE_DESCRIPTOR_SET,
            ser_proto::inference::FILE_DESCRIPTOR_SET,
        ],
    )
}

#[derive(Debug)]
struct Service {
    context: Arc<Context>,
}

impl Service {
    /// Has the repository answer, unless the server stops before.
    async fn answer<T>(
        &self,
        ask: impl AsyncFnOnce(&Arc<Repository>) -> Result<T, Error>,
    ) -> Result<T, Status> {
        let repository = self.context.repository()?;
        let mut drain = self.context.drain.clone();
        let answer = tokio::select! {
            answer = ask(repository) => answer,
            _ = drain.begun() => Err(Error::ShuttingDown),
        };
        Ok(answer?)
    }
}

#[tonic::async_trait]
impl ModelRepository for Service {
    async fn list_repository(
        &self,
        _request: Request<ListRepositoryRequest>,
    ) -> Result<Response<ListRepositoryResponse>, Status> {
        let statuses = self.answer(async |models| models.list().await).await?;
        let models = statuses.into_iter().map(message).collect();
        Ok(Response::new(ListRepositoryResponse { models }))
    }

    async fn load_model(
        &self,
        request: Request<LoadModelRequest>,
    ) -> Result<Response<LoadModelResponse>, Status> {
        let id = request.into_inner().model;
        let status = self.answer(async |models| models.load(&id).await).await?;
        let model = Some(message(status));
        Ok(Response::new(LoadModelResponse { model }))
    }

    async fn reload_model(
        &self,
        request: Request<ReloadModelRequest>,
    ) -> Result<Response<ReloadModelResponse>, Status> {
        let id = request.into_inner().model;
        let status = self.answer(async |models| models.reload(&id).await).await?;
        let model = Some(message(status));
        Ok(Response::new(ReloadModelResponse { model }))
    }

    async fn unload_model(
        &self,
        request: Request<UnloadModelRequest>,
    ) -> Result<Response<UnloadModelResponse>, Status> {
        let id = request.into_inner().model;
        let status = self.answer(async |models| models.unload(&id).await).await?;
        let model = Some(message(status));
        Ok(Response::new(UnloadModelResponse { model }))
    }
}

fn message(status: ModelStatus) -> RepositoryModel {
    let state = match status.state {
        ModelState::Serving => State::Serving,
        ModelState::NotLoaded => State::NotLoaded,
        ModelState::Loading => State::Loading,
        ModelState::Refused => State::Refused,
        ModelState::Down => State::Down,
    };
    RepositoryModel {
        name: status.name,
        version: status.version,
        state: state.into(),
        refusal: status.refusal.unwrap_or_default(),
        open_streams: u32::try_from(status.open_streams).unwrap_or(u32::MAX),
        is_default: status.is_default,
        origin: status.origin,
    }
}
