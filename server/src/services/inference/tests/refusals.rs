//! Requests that are wrong.

use super::*;

const PROTOCOL: &str = include_str!("../../../../../proto/inference/grpc_service.proto");

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
