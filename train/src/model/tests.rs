use serde::Deserialize;

use super::*;
use crate::recipe::Recipe;

#[derive(Deserialize)]
struct KerasLayer {
    rows: usize,
    steps: usize,
    width: usize,
    kernel: Vec<f32>,
    recurrent_kernel: Vec<f32>,
    bias: Vec<f32>,
    inputs: Vec<f32>,
    outputs: Vec<f32>,
}

fn assert_close(got: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(got.len(), expected.len());
    for (index, (got, expected)) in got.iter().zip(expected).enumerate() {
        assert!(
            (got - expected).abs() <= tolerance,
            "{index}: {got}, expected {expected}"
        );
    }
}

fn input(values: &[f32], shape: [usize; 3]) -> Tensor<3> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), &training::device())
}

#[test]
fn the_lstm_is_that_of_keras() {
    let keras = include_str!("../../testdata/lstm_reference.json");
    let keras: KerasLayer = serde_json::from_str(keras).unwrap();
    let weights = lstm::KerasWeights {
        kernel: keras.kernel,
        recurrent_kernel: keras.recurrent_kernel,
        bias: keras.bias,
    };
    let lstm = Lstm::from_weights(&weights.into_onnx().unwrap(), &training::device());
    let output = lstm.forward(input(&keras.inputs, [keras.rows, keras.steps, keras.width]));
    assert_close(&values(output), &keras.outputs, 1e-6);
}

#[test]
fn the_seed_model_has_71_747_trainable_parameters() {
    let recipe = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes/tess-lstm.toml");
    let spec = Recipe::read(&recipe).unwrap().network;
    let network = Network::new(&spec, 7, 0, &training::device());
    assert_eq!(network.num_params(), 71_747);
}

#[test]
fn standardised_features_have_mean_zero_and_variance_one() {
    let columns = [[3.0_f32, 5.0], [1.0, 5.0], [-10.0, 5.0], [22.0, 5.0]];
    let clip = |features: &[f32; 2]| crate::dataset::Clip {
        id: String::new(),
        file: Default::default(),
        corpus: crate::corpus::CorpusKind::Tess,
        speaker: String::new(),
        emotion: crate::corpus::Emotion::Sad,
        recording: [0; 32],
        features: features.to_vec(),
    };
    let dataset = Dataset {
        clips: columns.iter().map(clip).collect(),
    };
    // The last clip is not trained on and must not count.
    let standardisation = Standardisation::fit(&dataset, &[0, 1, 2]);
    let mut rows = Vec::new();
    for features in &columns[..3] {
        standardisation.apply(features, &mut rows);
    }
    let first: Vec<f32> = rows.iter().step_by(2).copied().collect();
    assert!(first.iter().sum::<f32>().abs() < 1e-5);
    assert!((first.iter().map(|x| x * x).sum::<f32>() / 3.0 - 1.0).abs() < 1e-5);
    assert!(
        rows.iter()
            .skip(1)
            .step_by(2)
            .all(|&constant| constant == 0.0)
    );
}

#[test]
fn the_cross_entropy_of_certainty_is_zero_and_of_ignorance_ln_labels() {
    let device = training::device();
    let targets = Tensor::from_data([[0.0_f32, 1.0], [1.0, 0.0]], &device);
    let sure = Tensor::from_data([[-40.0_f32, 40.0], [40.0, -40.0]], &device);
    let unsure = Tensor::from_data([[1.5_f32, 1.5], [-3.0, -3.0]], &device);
    assert_close(&values(cross_entropy(sure, targets.clone())), &[0.0], 1e-6);
    assert_close(
        &values(cross_entropy(unsure, targets)),
        &[2.0_f32.ln()],
        1e-6,
    );
}
