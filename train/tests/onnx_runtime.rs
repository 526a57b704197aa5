//! The shipped package against ONNX Runtime, on real clips.
//!
//! `SER_CORPORA` names the folder that holds `tess/`; `SER_PYTHON` a Python with
//! the packages of `scripts/onnx_posteriors.py`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ser_backend::ModelPackage;
use ser_train::corpus::{CorpusFolder, CorpusKind};
use ser_train::dataset::{FeatureCache, extract};
use ser_train::evaluate::{front_end, predict};

fn environment(name: &str, what: &str) -> PathBuf {
    std::env::var_os(name)
        .unwrap_or_else(|| panic!("{name} is not set: {what}"))
        .into()
}

#[test]
#[ignore = "needs SER_CORPORA"]
fn real_speech_gets_the_posteriors_of_onnx_runtime() {
    const CLIPS: usize = 1_000;
    let corpora = environment("SER_CORPORA", "the folder that holds tess/");
    let python = environment("SER_PYTHON", "a Python with onnx and onnxruntime");
    let train = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = train.join("../models/tess-lstm/1");
    let package = ModelPackage::read(&folder).unwrap();
    let params = front_end(&package).unwrap();

    let scratch = tempfile::tempdir().unwrap();
    let cache = FeatureCache::open(scratch.path(), &params).unwrap();
    let corpus = CorpusFolder {
        kind: CorpusKind::Tess,
        root: corpora.join("tess"),
    };
    let utterances = corpus.utterances().unwrap();
    // Spread over speakers and emotions.
    let spread = utterances.len() as f64 / CLIPS as f64;
    let chosen: Vec<_> = (0..CLIPS)
        .map(|n| utterances[(n as f64 * spread) as usize].clone())
        .collect();
    let clips = extract(&chosen, &params, &cache, || {})
        .unwrap()
        .dataset
        .clips;
    assert_eq!(clips.len(), CLIPS);

    let mut onnx_runtime = Command::new(python)
        .arg(train.join("scripts/onnx_posteriors.py"))
        .arg(folder.join("model.onnx"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let rows: Vec<_> = clips.iter().map(|clip| &clip.features).collect();
    let mut stdin = onnx_runtime.stdin.take().unwrap();
    stdin
        .write_all(&serde_json::to_vec(&rows).unwrap())
        .unwrap();
    drop(stdin);
    let output = onnx_runtime.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", output.status);
    let reference: Vec<Vec<f32>> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(reference.len(), CLIPS);

    let predictions = predict(&package, clips.iter()).unwrap();
    let mut largest = 0.0_f32;
    for (prediction, expected) in predictions.iter().zip(&reference) {
        assert_eq!(prediction.posteriors.len(), expected.len());
        for (got, expected) in prediction.posteriors.iter().zip(expected) {
            largest = largest.max((got - expected).abs());
        }
    }
    println!("largest difference on {CLIPS} clips: {largest:e}");
    assert!(largest <= 1e-5, "largest difference {largest:e}");
}
