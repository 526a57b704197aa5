//! Rows of features.

use std::{num::NonZeroUsize, time::Duration};

use tokio::time::Instant;

use super::*;

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

#[tokio::test(start_paused = true)]
async fn rows_pause_while_live_streams_need_the_time() {
    let bench = Bench::serving();
    let rows = 64;
    let request = || {
        let values = vec![0.0; rows * 20];
        request(
            "double.features",
            "features",
            &[rows as i64, 20, 1],
            &values,
        )
    };
    let fast = bench.infer(request()).await.unwrap();
    bench
        .service
        .context
        .admission
        .slow_bulk(Duration::from_secs(1));
    let start = Instant::now();
    let slow = bench.infer(request()).await.unwrap();
    assert!(
        start.elapsed() >= Duration::from_secs(62),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(slow.raw_output_contents, fast.raw_output_contents);
    assert_eq!(floats(&slow.raw_output_contents[0]).len(), rows * 3);
}

#[tokio::test]
async fn rows_take_a_place_of_their_caller() {
    let bench = Bench::with(Listener::Main, |fixture| {
        fixture.config.limits.streams_per_principal = NonZeroUsize::new(1);
    });
    let bench = bench.serve();
    let open = bench
        .service
        .context
        .admission
        .stream(&Caller::default())
        .unwrap();
    let message = "streams of \"anonymous\": 1 open; expected at most 1, try again later";
    let said = bench.infer(features()).await;
    Bench::refused(said, Code::ResourceExhausted, message);
    drop(open);
    bench.infer(features()).await.unwrap();
}
