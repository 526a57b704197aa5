//! `inference.GRPCInferenceService`: the Open Inference Protocol, version 2, for
//! clients of Triton and KServe.

mod audio;
mod features;
mod inputs;
mod metadata;
mod outputs;
mod repository;
mod server;
mod statistics;
mod target;
mod tensors;
mod weight;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use ser_proto::inference::{
    ModelConfigRequest, ModelConfigResponse, ModelInferRequest, ModelInferResponse,
    ModelMetadataRequest, ModelMetadataResponse, ModelReadyRequest, ModelReadyResponse,
    ModelStatisticsRequest, ModelStatisticsResponse, RepositoryIndexRequest,
    RepositoryIndexResponse, RepositoryModelLoadRequest, RepositoryModelLoadResponse,
    RepositoryModelUnloadRequest, RepositoryModelUnloadResponse, ServerLiveRequest,
    ServerLiveResponse, ServerMetadataRequest, ServerMetadataResponse, ServerReadyRequest,
    ServerReadyResponse, grpc_inference_service_server::GrpcInferenceService,
};
use tonic::{Code, Request, Response, Status};

use super::clip_gate::ClipGate;
use crate::{Error, admission::ClipPermit, context::Context, session::Account, telemetry};
use inputs::Inputs;
use server::Server;
use target::{Form, Target};

/// What of the protocol there is beside inference, in Triton's words.
const EXTENSIONS: [&str; 5] = [
    "binary_tensor_data",
    "classification",
    "model_configuration",
    "model_repository",
    "statistics",
];

/// The parameter that asks for a mark on the last of several responses, which Triton's load
/// generator always sends. Here there is only ever one.
const EMPTY_LAST_RESPONSE: &str = "triton_enable_empty_final_response";

/// The service, within the limits on clips.
pub(super) fn service(context: &Arc<Context>, listener: Listener) -> ClipGate<Server> {
    let service = Service {
        context: Arc::clone(context),
        listener,
    };
    ClipGate::new(context, Server::new(service))
}

/// Where a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listener {
    Main,
    /// Models may be loaded and unloaded.
    Admin,
}

/// Answers one request for inference.
///
/// # Errors
///
/// Everything that can become of one.
#[cfg(feature = "fuzzing")]
pub(crate) async fn infer(
    context: &Arc<Context>,
    request: ModelInferRequest,
) -> Result<ModelInferResponse, Error> {
    let permit = context
        .admission
        .clip(&crate::admission::Caller::default())?;
    let account = Account::new(context, &permit.caller().principal, None);
    let service = Service {
        context: Arc::clone(context),
        listener: Listener::Main,
    };
    service.infer(&permit, &account, request).await
}

#[derive(Debug)]
pub(super) struct Service {
    context: Arc<Context>,
    listener: Listener,
}

impl Service {
    fn target(&self, name: &str, version: &str) -> Result<Target, Error> {
        Target::resolve(self.context.models()?, name, version)
    }

    async fn infer(
        &self,
        permit: &ClipPermit,
        account: &Account,
        request: ModelInferRequest,
    ) -> Result<ModelInferResponse, Error> {
        let target = self.target(&request.model_name, &request.model_version)?;
        let wanted = outputs::requested(&request, &target.output_names())?;
        let ModelInferRequest {
            id,
            mut parameters,
            inputs,
            raw_input_contents,
            ..
        } = request;
        parameters.remove(EMPTY_LAST_RESPONSE);
        let inputs = Inputs::read(inputs, raw_input_contents, &target.input_names())?;
        let outputs = match target.form {
            Form::Audio => {
                let rate = audio::sample_rate(&target.model, &parameters)?;
                audio::infer(&self.context, permit, account, rate, &target.model, inputs).await?
            }
            Form::Features => {
                tensors::no_parameters("parameters", &parameters)?;
                features::infer(&self.context, account, &target.model, inputs).await?
            }
        };
        let manifest = target.model.manifest();
        let mut response = ModelInferResponse {
            model_name: target.name(),
            model_version: manifest.version.clone(),
            id,
            ..ModelInferResponse::default()
        };
        outputs.write(&wanted, &manifest.labels, &mut response);
        Ok(response)
    }
}

#[tonic::async_trait]
impl GrpcInferenceService for Service {
    async fn server_live(
        &self,
        _request: Request<ServerLiveRequest>,
    ) -> Result<Response<ServerLiveResponse>, Status> {
        Ok(Response::new(ServerLiveResponse { live: true }))
    }

    async fn server_ready(
        &self,
        _request: Request<ServerReadyRequest>,
    ) -> Result<Response<ServerReadyResponse>, Status> {
        let ready = self.context.is_ready();
        Ok(Response::new(ServerReadyResponse { ready }))
    }

    async fn model_ready(
        &self,
        request: Request<ModelReadyRequest>,
    ) -> Result<Response<ModelReadyResponse>, Status> {
        let ModelReadyRequest { name, version } = request.into_inner();
        let ready = match self.target(&name, &version) {
            Ok(target) => target.model.batcher().is_serving(),
            Err(Error::UnknownModel { .. } | Error::Loading) => false,
            Err(error) => return Err(error.into()),
        };
        Ok(Response::new(ModelReadyResponse { ready }))
    }

    async fn server_metadata(
        &self,
        _request: Request<ServerMetadataRequest>,
    ) -> Result<Response<ServerMetadataResponse>, Status> {
        Ok(Response::new(ServerMetadataResponse {
            name: "ser-server".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            extensions: EXTENSIONS.map(str::to_owned).into(),
        }))
    }

    async fn model_metadata(
        &self,
        request: Request<ModelMetadataRequest>,
    ) -> Result<Response<ModelMetadataResponse>, Status> {
        let ModelMetadataRequest { name, version } = request.into_inner();
        let registry = self.context.models()?;
        let target = Target::resolve(registry, &name, &version)?;
        Ok(Response::new(metadata::model(&target, registry)))
    }

    async fn model_infer(
        &self,
        request: Request<ModelInferRequest>,
    ) -> Result<Response<ModelInferResponse>, Status> {
        let permit = ClipPermit::of(request.extensions())?;
        let span = (self.context.tracer).call(telemetry::Service::Inference, request.metadata());
        let account = Account::new(&self.context, &permit.caller().principal, span);
        let answer = self.infer(&permit, &account, request.into_inner()).await;
        account.end(answer.as_ref().map_or_else(Error::code, |_| Code::Ok));
        Ok(Response::new(answer?))
    }

    async fn model_config(
        &self,
        request: Request<ModelConfigRequest>,
    ) -> Result<Response<ModelConfigResponse>, Status> {
        let ModelConfigRequest { name, version } = request.into_inner();
        let target = self.target(&name, &version)?;
        Ok(Response::new(ModelConfigResponse {
            config: Some(metadata::config(&target)),
        }))
    }

    async fn model_statistics(
        &self,
        request: Request<ModelStatisticsRequest>,
    ) -> Result<Response<ModelStatisticsResponse>, Status> {
        let ModelStatisticsRequest { name, version } = request.into_inner();
        let targets = Target::matching(self.context.models()?, &name, &version)?;
        Ok(Response::new(ModelStatisticsResponse {
            model_stats: targets.iter().map(statistics::message).collect(),
        }))
    }

    async fn repository_index(
        &self,
        request: Request<RepositoryIndexRequest>,
    ) -> Result<Response<RepositoryIndexResponse>, Status> {
        let models = repository::index(&self.context, request.into_inner()).await?;
        Ok(Response::new(RepositoryIndexResponse { models }))
    }

    async fn repository_model_load(
        &self,
        request: Request<RepositoryModelLoadRequest>,
    ) -> Result<Response<RepositoryModelLoadResponse>, Status> {
        self.listener.permit_changes()?;
        repository::load(&self.context, request.into_inner()).await?;
        Ok(Response::new(RepositoryModelLoadResponse {}))
    }

    async fn repository_model_unload(
        &self,
        request: Request<RepositoryModelUnloadRequest>,
    ) -> Result<Response<RepositoryModelUnloadResponse>, Status> {
        self.listener.permit_changes()?;
        repository::unload(&self.context, request.into_inner()).await?;
        Ok(Response::new(RepositoryModelUnloadResponse {}))
    }
}

impl Listener {
    /// # Errors
    ///
    /// [`Error::NotPermitted`] on the main listener.
    fn permit_changes(self) -> Result<(), Error> {
        match self {
            Self::Admin => Ok(()),
            Self::Main => Err(Error::NotPermitted {
                what: "repository",
                expected: "the admin listener",
            }),
        }
    }
}
