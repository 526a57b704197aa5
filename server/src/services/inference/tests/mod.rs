//! The protocol's messages, without a network.

mod limits;
mod models;
mod recordings;
mod refusals;
mod rows;

use std::collections::HashMap;

use ser_proto::inference::{
    InferParameter, InferTensorContents,
    infer_parameter::ParameterChoice,
    model_infer_request::{InferInputTensor, InferRequestedOutputTensor},
};
use tonic::Code;

use super::*;
use crate::{
    admission::Caller,
    fixture::{Fixture, babble, bytes},
    models::Repository,
    shutdown::Shutdown,
    telemetry::Telemetry,
};

struct Bench {
    fixture: Fixture,
    service: Service,
    shutdown: Shutdown,
}

impl Bench {
    fn new(listener: Listener) -> Self {
        Self::with(listener, |_| {})
    }

    fn with(listener: Listener, change: impl FnOnce(&mut Fixture)) -> Self {
        let mut fixture = Fixture::new();
        change(&mut fixture);
        let (shutdown, drain) = Shutdown::new();
        let context = Arc::new(Context::new(
            &fixture.config,
            drain,
            &Telemetry::for_prometheus(),
        ));
        let service = Service { context, listener };
        Self {
            fixture,
            service,
            shutdown,
        }
    }

    fn serving() -> Self {
        Self::serving_on(Listener::Main)
    }

    fn serving_on(listener: Listener) -> Self {
        Self::new(listener).serve()
    }

    fn serve(self) -> Self {
        let Bench {
            fixture, service, ..
        } = &self;
        let repository = Repository::open(
            fixture.config.clone(),
            fixture.backends(),
            Arc::clone(&service.context.metrics),
        );
        service.context.serve(repository.unwrap());
        self
    }

    async fn infer(&self, request: ModelInferRequest) -> Result<ModelInferResponse, Status> {
        let mut request = Request::new(request);
        request.extensions_mut().insert(self.permit()?);
        let answer = self.service.model_infer(request).await;
        answer.map(Response::into_inner)
    }

    fn permit(&self) -> Result<ClipPermit, Error> {
        let admission = &self.service.context.admission;
        admission.clip(&Caller::default())
    }

    /// The status of a request that is refused.
    #[track_caller]
    fn refused(status: Result<ModelInferResponse, Status>, code: Code, message: &str) {
        let status = status.expect_err("an error");
        assert_eq!((status.code(), status.message()), (code, message));
    }
}

/// A request of one tensor.
fn request(model: &str, name: &str, shape: &[i64], values: &[f32]) -> ModelInferRequest {
    let raw: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    ModelInferRequest {
        model_name: model.to_owned(),
        id: "7".to_owned(),
        inputs: vec![InferInputTensor {
            name: name.to_owned(),
            datatype: "FP32".to_owned(),
            shape: shape.to_vec(),
            ..InferInputTensor::default()
        }],
        raw_input_contents: vec![raw.into()],
        ..ModelInferRequest::default()
    }
}

fn features() -> ModelInferRequest {
    request("double.features", "features", &[1, 20, 1], &[0.0; 20])
}

fn floats(raw: &[u8]) -> Vec<f32> {
    let values = raw.chunks_exact(4);
    values
        .map(|value| f32::from_le_bytes(value.try_into().unwrap()))
        .collect()
}

fn int64(value: i64) -> InferParameter {
    InferParameter {
        parameter_choice: Some(ParameterChoice::Int64Param(value)),
    }
}

fn parameters(name: &str, value: InferParameter) -> HashMap<String, InferParameter> {
    HashMap::from([(name.to_owned(), value)])
}

fn output(name: &str, parameters: HashMap<String, InferParameter>) -> InferRequestedOutputTensor {
    InferRequestedOutputTensor {
        name: name.to_owned(),
        parameters,
    }
}
