//! `Models`: what the server can recognise with.

use std::sync::Arc;

use ser_proto::v1::{
    GetModelRequest, GetModelResponse, ListModelsRequest, ListModelsResponse, Model,
    models_server::Models,
};
use tonic::{Request, Response, Status};

use crate::{
    context::Context,
    models::{ModelRegistry, ServedModel},
    session::model_message,
};

#[derive(Debug)]
pub(super) struct Service {
    context: Arc<Context>,
}

impl Service {
    pub(super) fn new(context: Arc<Context>) -> Self {
        Self { context }
    }
}

#[tonic::async_trait]
impl Models for Service {
    async fn list_models(
        &self,
        _request: Request<ListModelsRequest>,
    ) -> Result<Response<ListModelsResponse>, Status> {
        let registry = self.context.models()?;
        let models = registry
            .list()
            .iter()
            .map(|model| message(registry, model))
            .collect();
        Ok(Response::new(ListModelsResponse { models }))
    }

    async fn get_model(
        &self,
        request: Request<GetModelRequest>,
    ) -> Result<Response<GetModelResponse>, Status> {
        let registry = self.context.models()?;
        let name = request.into_inner().model;
        let model = registry.resolve(Some(name.as_str()).filter(|name| !name.is_empty()))?;
        Ok(Response::new(GetModelResponse {
            model: Some(message(registry, &model)),
        }))
    }
}

fn message(registry: &ModelRegistry, model: &Arc<ServedModel>) -> Model {
    model_message(model, Arc::ptr_eq(model, registry.default_model()))
}
