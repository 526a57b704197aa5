//! A request of the Open Inference Protocol, from its bytes to the answer.
//!
//! The answer has the rows that were asked for. A refusal is short enough for a trailer.

#![no_main]

use std::{collections::HashMap, sync::LazyLock};

use libfuzzer_sys::fuzz_target;
use prost::{Message, bytes::Bytes};
use ser_fuzz::{
    clock,
    requests::{LONGEST_REFUSAL, known_rate},
    seeds,
    server::Small,
    sound::babble,
};
use ser_proto::inference::{
    InferParameter, InferTensorContents, ModelInferRequest,
    infer_parameter::ParameterChoice,
    model_infer_request::{InferInputTensor, InferRequestedOutputTensor},
};
use ser_server::fuzzing::Sessions;
use tonic::{Code, Status};

static SERVER: LazyLock<(Small, Sessions)> = LazyLock::new(|| {
    let small = Small::start();
    let sessions = small.sessions();
    (small, sessions)
});

fn parameter(value: i64) -> InferParameter {
    InferParameter {
        parameter_choice: Some(ParameterChoice::Int64Param(value)),
    }
}

fn tensor(name: &str, datatype: &str, shape: &[i64]) -> InferInputTensor {
    InferInputTensor {
        name: name.to_owned(),
        datatype: datatype.to_owned(),
        shape: shape.to_vec(),
        ..InferInputTensor::default()
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let floats = |count: usize| InferTensorContents {
        fp32_contents: vec![0.5; count],
        ..InferTensorContents::default()
    };
    let typed = InferInputTensor {
        contents: Some(floats(16)),
        ..tensor("features", "FP32", &[2, 8, 1])
    };
    let best = InferRequestedOutputTensor {
        name: "posteriors".to_owned(),
        parameters: HashMap::from([("classification".to_owned(), parameter(2))]),
    };
    let zeros = |values: usize| Bytes::from(vec![0; 4 * values]);
    let audio = babble(400, 0.3, 1);
    let requests = [
        ModelInferRequest {
            model_name: "windowed.features".to_owned(),
            inputs: vec![typed],
            outputs: vec![best],
            ..ModelInferRequest::default()
        },
        ModelInferRequest {
            model_name: "recurrent.features".to_owned(),
            model_version: "1".to_owned(),
            inputs: vec![
                tensor("features", "FP32", &[1, 25, 8]),
                tensor("state", "FP32", &[1, 4]),
                tensor("valid_steps", "INT32", &[1, 1]),
            ],
            raw_input_contents: vec![zeros(200), zeros(4), Bytes::from_static(&[7, 0, 0, 0])],
            ..ModelInferRequest::default()
        },
        ModelInferRequest {
            model_name: "windowed".to_owned(),
            parameters: HashMap::from([("sample_rate".to_owned(), parameter(16_000))]),
            inputs: vec![tensor("audio", "INT16", &[1, 400])],
            raw_input_contents: vec![audio.into()],
            ..ModelInferRequest::default()
        },
    ];
    requests.iter().map(Message::encode_to_vec).collect()
}

fn infer(mut request: ModelInferRequest) {
    for parameter in request.parameters.values_mut() {
        if let Some(ParameterChoice::Int64Param(rate)) = &mut parameter.parameter_choice
            && let Ok(known) = u32::try_from(*rate).map(known_rate)
        {
            *rate = known.into();
        }
    }
    let rows = request
        .inputs
        .first()
        .and_then(|input| input.shape.first().copied());
    match clock::run(SERVER.1.infer(request)) {
        Ok(response) => {
            for output in &response.outputs {
                assert_eq!(output.shape.first().copied(), rows);
            }
            assert_eq!(response.outputs.len(), response.raw_output_contents.len());
        }
        Err(error) => {
            let status = Status::from(error);
            let expected = [Code::InvalidArgument, Code::NotFound, Code::Internal];
            assert!(expected.contains(&status.code()), "{status:?}");
            assert!(!status.message().is_empty());
            assert!(status.message().len() <= LONGEST_REFUSAL, "{status:?}");
            if status.code() == Code::Internal {
                assert!(status.message().ends_with("inference failed"), "{status:?}");
            }
        }
    }
}

fuzz_target!(
    init: {
        LazyLock::force(&SERVER);
        seeds::write(seeds());
    },
    |data: &[u8]| {
        if let Ok(request) = ModelInferRequest::decode(data) {
            infer(request);
        }
    }
);
