//! Recordings, and their emotions.

use super::*;

fn speech(seconds: f64) -> Vec<f32> {
    let samples = babble(16_000, seconds, 0.5, 1);
    samples
        .iter()
        .map(|&sample| f32::from(sample) / 32_768.0)
        .collect()
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
        bench.permit().unwrap(),
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
