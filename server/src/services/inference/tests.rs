//! The protocol's messages, without a network.

use std::collections::HashMap;

use ser_proto::inference::{
    InferParameter, InferTensorContents,
    infer_parameter::ParameterChoice,
    model_infer_request::{InferInputTensor, InferRequestedOutputTensor},
};
use tonic::Code;

use super::*;
use crate::{
    fixture::{Fixture, babble, bytes},
    models::Repository,
    shutdown::Shutdown,
    telemetry::Telemetry,
};

const PROTOCOL: &str = include_str!("../../../../proto/inference/grpc_service.proto");

struct Bench {
    fixture: Fixture,
    service: Service,
    shutdown: Shutdown,
}

impl Bench {
    fn new(listener: Listener) -> Self {
        let fixture = Fixture::new();
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
        let bench = Self::new(listener);
        let Bench {
            fixture, service, ..
        } = &bench;
        let repository = Repository::open(
            fixture.config.clone(),
            fixture.backends(),
            Arc::clone(&service.context.metrics),
        );
        service.context.serve(repository.unwrap());
        bench
    }

    async fn infer(&self, request: ModelInferRequest) -> Result<ModelInferResponse, Status> {
        let answer = self.service.model_infer(Request::new(request)).await;
        answer.map(Response::into_inner)
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

fn speech(seconds: f64) -> Vec<f32> {
    let samples = babble(16_000, seconds, 0.5, 1);
    samples
        .iter()
        .map(|&sample| f32::from(sample) / 32_768.0)
        .collect()
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

#[tokio::test]
async fn rows_are_computed_in_their_order() {
    let bench = Bench::serving();
    // The louder its bands, the likelier the label.
    let mut values = vec![-60.0; 40];
    values[..7].fill(-30.0);
    values[20 + 14..].fill(-30.0);
    let said = bench
        .infer(request("double.features", "features", &[2, 20, 1], &values))
        .await
        .unwrap();
    assert_eq!(
        (
            said.model_name.as_str(),
            said.model_version.as_str(),
            said.id.as_str()
        ),
        ("double.features", "1", "7")
    );
    assert_eq!(said.outputs.len(), 1);
    let tensor = &said.outputs[0];
    assert_eq!(
        (
            tensor.name.as_str(),
            tensor.datatype.as_str(),
            tensor.shape.as_slice()
        ),
        ("posteriors", "FP32", [2, 3].as_slice())
    );
    let rows = floats(&said.raw_output_contents[0]);
    assert!(rows[0] > rows[1] && rows[5] > rows[4], "{rows:?}");
}

#[tokio::test]
async fn values_may_be_typed() {
    let bench = Bench::serving();
    let raw = bench.infer(features()).await.unwrap();
    let mut typed = features();
    typed.raw_input_contents.clear();
    typed.inputs[0].contents = Some(InferTensorContents {
        fp32_contents: vec![0.0; 20],
        ..InferTensorContents::default()
    });
    assert_eq!(bench.infer(typed).await.unwrap(), raw);
}

#[tokio::test]
async fn a_recurrent_row_brings_its_state() {
    let bench = Bench::serving();
    let mut request = request("memory.features", "features", &[1, 20, 20], &[0.0; 400]);
    let said = bench.infer(request.clone()).await.unwrap();
    assert_eq!(said.outputs[1].name, "next_state");
    assert_eq!(floats(&said.raw_output_contents[1]), [20.0]);

    let tensor = |name: &str, datatype: &str| InferInputTensor {
        name: name.to_owned(),
        datatype: datatype.to_owned(),
        shape: vec![1, 1],
        ..InferInputTensor::default()
    };
    request.inputs.push(tensor("valid_steps", "INT32"));
    request.inputs.push(tensor("state", "FP32"));
    request
        .raw_input_contents
        .push(5_i32.to_le_bytes().to_vec().into());
    request
        .raw_input_contents
        .push(20.0_f32.to_le_bytes().to_vec().into());
    let said = bench.infer(request.clone()).await.unwrap();
    assert_eq!(floats(&said.raw_output_contents[1]), [25.0]);

    request.raw_input_contents[1] = 21_i32.to_le_bytes().to_vec().into();
    let message = "inputs.valid_steps: 21 in row 0; expected 1 to 20";
    Bench::refused(bench.infer(request).await, Code::InvalidArgument, message);
}

#[tokio::test]
async fn a_recording_has_the_emotion_of_a_clip() {
    let bench = Bench::serving();
    let samples = speech(2.0);
    let shape = [1, 32_000];
    let said = bench
        .infer(request("double", "audio", &shape, &samples))
        .await
        .unwrap();
    let names: Vec<_> = said
        .outputs
        .iter()
        .map(|output| output.name.as_str())
        .collect();
    assert_eq!(names, ["posteriors", "label"]);

    let clip = ser_proto::v1::RecognizeRequest {
        clip: Some(ser_proto::v1::recognize_request::Clip::Pcm(
            ser_proto::v1::PcmClip {
                format: Some(ser_proto::v1::AudioFormat {
                    encoding: ser_proto::v1::Encoding::F32le.into(),
                    sample_rate: 16_000,
                    channels: 1,
                }),
                audio: samples
                    .iter()
                    .flat_map(|sample| sample.to_le_bytes())
                    .collect(),
            },
        )),
        options: None,
    };
    let clip = crate::session::recognize_clip(
        Arc::clone(&bench.service.context),
        Caller::default(),
        None,
        clip,
    )
    .await;
    let summary = clip.unwrap().summaries.remove(0);
    let mean: Vec<_> = summary
        .mean_posterior
        .iter()
        .map(|score| score.probability)
        .collect();
    assert_eq!(floats(&said.raw_output_contents[0]), mean);
    let label = summary.overall_label.unwrap();
    let mut text = u32::try_from(label.len()).unwrap().to_le_bytes().to_vec();
    text.extend(label.as_bytes());
    assert_eq!(said.raw_output_contents[1], text);
}

#[tokio::test]
async fn integers_and_other_rates_are_audio_too() {
    let bench = Bench::serving();
    let samples = babble(16_000, 2.0, 0.5, 1);
    let mut integers = request("double", "audio", &[1, 32_000], &[]);
    integers.inputs[0].datatype = "INT16".to_owned();
    integers.raw_input_contents = vec![bytes(&samples).into()];
    integers.parameters = parameters("sample_rate", int64(16_000));
    let said = bench.infer(integers.clone()).await.unwrap();
    let floats_said = bench
        .infer(request("double", "audio", &[1, 32_000], &speech(2.0)))
        .await;
    assert_eq!(
        said.raw_output_contents,
        floats_said.unwrap().raw_output_contents
    );

    let mut typed = integers.clone();
    typed.raw_input_contents.clear();
    typed.inputs[0].contents = Some(InferTensorContents {
        int_contents: samples.iter().map(|&sample| i32::from(sample)).collect(),
        ..InferTensorContents::default()
    });
    assert_eq!(
        bench.infer(typed).await.unwrap().raw_output_contents,
        said.raw_output_contents
    );

    // The same samples last twice as long.
    integers.parameters = parameters("sample_rate", int64(8_000));
    let slower = bench.infer(integers).await.unwrap();
    assert_ne!(slower.raw_output_contents[0], said.raw_output_contents[0]);
}

#[tokio::test]
async fn silence_has_no_emotion() {
    let bench = Bench::serving();
    let said = bench
        .infer(request("double", "audio", &[2, 16_000], &[0.0; 32_000]))
        .await
        .unwrap();
    assert_eq!(floats(&said.raw_output_contents[0]), [0.0; 6]);
    assert_eq!(said.raw_output_contents[1], vec![0; 8]);
}

#[tokio::test]
async fn the_likeliest_labels_can_be_asked_for() {
    let bench = Bench::serving();
    let mut request = features();
    request.outputs = vec![output("posteriors", parameters("classification", int64(2)))];
    let said = bench.infer(request).await.unwrap();
    assert_eq!(said.outputs[0].shape, [1, 2]);
    let raw = &said.raw_output_contents[0];
    let text = String::from_utf8_lossy(raw);
    assert!(
        text.contains("0.333333:0:calm") && text.contains("0.333333:1:glad"),
        "{text}"
    );
}

#[tokio::test]
async fn what_is_wrong_is_named_as_promised() {
    let bench = Bench::serving();
    let change = |change: &dyn Fn(&mut ModelInferRequest)| {
        let mut request = features();
        change(&mut request);
        request
    };
    let with_parameter = |request: &mut ModelInferRequest, name: &str, value| {
        request.model_name = "double".to_owned();
        request.parameters = parameters(name, value);
        request.inputs[0].name = "audio".to_owned();
    };
    let cases: Vec<(ModelInferRequest, &str)> = vec![
        (
            change(&|request| request.model_name.clear()),
            "model_name: missing; expected the name of a model",
        ),
        (
            change(&|request| request.model_name = "A b".to_owned()),
            "model_name: \"A b\"; expected name or name/version, of [a-z0-9][a-z0-9._-]*",
        ),
        (
            change(&|request| with_parameter(request, "priority", int64(1))),
            "parameters: \"priority\"; expected none but sample_rate",
        ),
        (
            change(&|request| with_parameter(request, "sample_rate", int64(1))),
            "parameters.sample_rate: 1 Hz; expected 8000 to 192000 Hz",
        ),
        (
            change(&|request| with_parameter(request, "sample_rate", InferParameter::default())),
            "parameters.sample_rate: of another type; expected an int64",
        ),
        (
            change(&|request| {
                request.inputs.clear();
                request.raw_input_contents.clear();
            }),
            "inputs: \"features\" is missing; expected features",
        ),
        (
            change(&|request| request.inputs[0].name = "sound".to_owned()),
            "inputs: \"sound\"; expected features",
        ),
        (
            change(&|request| {
                request.inputs.push(request.inputs[0].clone());
                request
                    .raw_input_contents
                    .push(request.raw_input_contents[0].clone());
            }),
            "inputs: \"features\" twice; expected it once",
        ),
        (
            change(&|request| request.inputs[0].datatype = "BYTES".to_owned()),
            "inputs.features.datatype: \"BYTES\"; expected FP32",
        ),
        (
            change(&|request| request.inputs[0].shape = vec![1]),
            "inputs.features.shape: [1]; expected [rows, 20, 1]",
        ),
        (
            change(&|request| request.inputs[0].shape = vec![1, -20, -1]),
            "inputs.features.shape: [1, -20, -1]; expected [rows, 20, 1]",
        ),
        (
            change(&|request| request.inputs[0].shape[0] = 65),
            "inputs.features.shape: 65 rows; expected 1 to 64",
        ),
        (
            change(&|request| {
                request.inputs[0].parameters = parameters("shared_memory_region", int64(1));
            }),
            "inputs.features.parameters: \"shared_memory_region\"; expected none",
        ),
        (
            change(&|request| request.raw_input_contents[0] = vec![0; 7].into()),
            "inputs.features: 7 bytes; expected 80",
        ),
        (
            change(&|request| request.raw_input_contents.clear()),
            "inputs.features: 0 values; expected 20",
        ),
        (
            change(&|request| {
                let raw: Vec<u8> = [f32::NAN; 20]
                    .iter()
                    .flat_map(|v| v.to_le_bytes())
                    .collect();
                request.raw_input_contents[0] = raw.into();
            }),
            "inputs.features: value 0 is NaN; expected finite numbers",
        ),
        (
            change(&|request| request.raw_input_contents.push(Vec::new().into())),
            "raw_input_contents: 2 tensors; expected as many as inputs, 1",
        ),
        (
            change(&|request| request.outputs = vec![output("logits", HashMap::new())]),
            "outputs: \"logits\"; expected posteriors",
        ),
        (
            change(&|request| {
                request.outputs = vec![output("posteriors", parameters("binary_data", int64(1)))];
            }),
            "outputs.posteriors.parameters: \"binary_data\"; expected none but classification",
        ),
        (
            change(&|request| {
                request.outputs =
                    vec![output("posteriors", parameters("classification", int64(0)))];
            }),
            "outputs.posteriors.parameters.classification: 0; expected an int64, at least 1",
        ),
    ];
    for (request, message) in cases {
        Bench::refused(bench.infer(request).await, Code::InvalidArgument, message);
        let field = message.split(':').next().unwrap_or_default();
        let promised = field.replace("inputs.features", "inputs.audio");
        assert!(
            PROTOCOL.contains(&promised),
            "{promised:?} isn't in the protocol"
        );
    }
    let message = "model_name: \"other\" is not served; expected one of double/1, memory/1";
    let unknown = change(&|request| request.model_name = "other".to_owned());
    Bench::refused(bench.infer(unknown).await, Code::NotFound, message);
}

#[tokio::test]
async fn a_shape_beyond_all_memory_is_refused() {
    let bench = Bench::serving();
    let request = request("double", "audio", &[64, i64::MAX], &[0.0]);
    let shape = "[64, 9223372036854775807]";
    let message = format!("inputs.audio.shape: {shape}; expected [rows, samples]");
    Bench::refused(bench.infer(request).await, Code::InvalidArgument, &message);
}

#[tokio::test]
async fn statistics_count_rows_and_batches() {
    let bench = Bench::serving();
    let five = request("double.features", "features", &[5, 20, 1], &[0.0; 100]);
    bench.infer(five).await.unwrap();
    let ask = ModelStatisticsRequest {
        name: "double.features".to_owned(),
        version: String::new(),
    };
    let said = bench.service.model_statistics(Request::new(ask)).await;
    let models = said.unwrap().into_inner().model_stats;
    assert_eq!(models.len(), 1);
    let model = &models[0];
    assert_eq!(
        (model.name.as_str(), model.inference_count),
        ("double.features", 5)
    );
    let in_batches: u64 = model
        .batch_stats
        .iter()
        .map(|batch| batch.batch_size * batch.compute_infer.as_ref().unwrap().count)
        .sum();
    assert_eq!(in_batches, 5);
    let inference = model.inference_stats.as_ref().unwrap();
    assert_eq!(inference.success.as_ref().unwrap().count, 5);
    assert_eq!(inference.compute_infer.as_ref().unwrap().count, 5);
    assert!(model.last_inference > 0);

    let all = bench
        .service
        .model_statistics(Request::new(ModelStatisticsRequest::default()));
    let all = all.await.unwrap().into_inner().model_stats;
    let names: Vec<_> = all.iter().map(|model| model.name.as_str()).collect();
    assert_eq!(names, ["double", "memory"]);
}

#[tokio::test]
async fn models_are_ready_while_they_are_served() {
    let bench = Bench::new(Listener::Main);
    let ready = async |bench: &Bench| {
        let server = bench
            .service
            .server_ready(Request::new(ServerReadyRequest {}));
        let model = ModelReadyRequest {
            name: "double".to_owned(),
            version: String::new(),
        };
        let model = bench.service.model_ready(Request::new(model));
        (
            server.await.unwrap().into_inner().ready,
            model.await.unwrap().into_inner().ready,
        )
    };
    assert_eq!(ready(&bench).await, (false, false));
    let bench = Bench::serving();
    assert_eq!(ready(&bench).await, (true, true));
    bench.shutdown.begin(std::time::Duration::from_secs(1));
    assert_eq!(ready(&bench).await, (false, true));
}

#[tokio::test]
async fn models_change_on_the_admin_listener_alone() {
    let load = || {
        Request::new(RepositoryModelLoadRequest {
            model_name: "memory".to_owned(),
            ..RepositoryModelLoadRequest::default()
        })
    };
    let unload = || {
        Request::new(RepositoryModelUnloadRequest {
            model_name: "memory".to_owned(),
            ..RepositoryModelUnloadRequest::default()
        })
    };
    let states = async |service: &Service| -> Vec<(String, String)> {
        let index = service.repository_index(Request::new(RepositoryIndexRequest::default()));
        let models = index.await.unwrap().into_inner().models;
        models
            .into_iter()
            .map(|model| (model.name, model.state))
            .collect()
    };
    let state = |name: &str, state: &str| (name.to_owned(), state.to_owned());

    let main = Bench::serving();
    let message = "repository: on this listener; expected the admin listener";
    for refused in [
        main.service.repository_model_load(load()).await.map(drop),
        main.service
            .repository_model_unload(unload())
            .await
            .map(drop),
    ] {
        let status = refused.unwrap_err();
        assert_eq!(
            (status.code(), status.message()),
            (Code::PermissionDenied, message)
        );
    }
    let both = [state("double", "READY"), state("memory", "READY")];
    assert_eq!(states(&main.service).await, both);

    let bench = Bench::serving_on(Listener::Admin);
    bench
        .service
        .repository_model_unload(unload())
        .await
        .unwrap();
    assert_eq!(
        states(&bench.service).await,
        [state("double", "READY"), state("memory", "")]
    );
    bench.service.repository_model_load(load()).await.unwrap();
    assert_eq!(states(&bench.service).await, both);
}
