//! `Models`: what the server can recognise with.

use std::sync::Arc;

use ser_proto::v1::{
    GetModelRequest, GetModelResponse, ListModelsRequest, ListModelsResponse, models_server::Models,
};
use tonic::{Request, Response, Status};

use crate::{context::Context, session::model_message};

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
            .map(|model| model_message(model, registry.is_default(model)))
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
            model: Some(model_message(&model, registry.is_default(&model))),
        }))
    }
}
