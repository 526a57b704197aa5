//! Models of Keras and of PyTorch, imported and served by every backend.

#[path = "../../backends/plugin/tests/libraries/mod.rs"]
mod libraries;

use std::path::{Path, PathBuf};

use bytes::Bytes;
use libraries::{c_plugin, tract_plugin};
use ser_backend::{GoldenAudio, ModelPackage};
use ser_proto::v1::{Encoding, Pace};
use ser_tests::{
    binaries,
    server::{self, ServerProcess},
    stream,
};
use tonic::transport::Channel;

/// How far probabilities may be off those of the exported graph in ONNX Runtime.
const TOLERANCE: f32 = 1e-4;

/// Folder, file.
const EXPORTS: [(&str, &str); 2] = [("keras", "model.onnx"), ("pytorch", "model.onnx")];

/// Imports a model into `models`. The library that computes its golden rows is the
/// one that `ORT_DYLIB_PATH` names.
fn import(folder: &str, file: &str, models: &Path) -> ModelPackage {
    let export = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../backends/graph/tests/foreign")
        .join(folder);
    let output = binaries::command("ser-train")
        .arg("import")
        .arg(export.join(file))
        .arg("--about")
        .arg(export.join("import.toml"))
        .arg("--models")
        .arg(models)
        .output()
        .expect("ser-train runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let place = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim_end());
    ModelPackage::read(&place).expect("the package is valid")
}

/// Streams a sound and compares every result with its golden row.
async fn compare(channel: Channel, package: &ModelPackage, audio: &GoldenAudio) {
    let manifest = &package.manifest;
    let mut config = stream::config(Encoding::S16le, audio.sample_rate);
    config.pace = Pace::Bulk.into();
    let options = config.options.get_or_insert_default();
    options.model = Some(manifest.name.clone());
    let samples = audio.samples().expect("a validated package");
    let bytes: Vec<u8> = samples.iter().flat_map(|it| it.to_le_bytes()).collect();
    let bytes = Bytes::from(bytes);
    let chunks: Vec<_> = bytes.chunks(3_001).map(Bytes::copy_from_slice).collect();
    let transcript = stream::recognise(channel, config, chunks).await;
    assert_eq!(transcript.error, None, "{}", manifest.id());
    assert_eq!(
        transcript.results.len(),
        audio.rows.len(),
        "{}",
        manifest.id()
    );
    for (result, row) in transcript.results.iter().zip(&audio.rows) {
        // The likeliest comes first.
        let mut scores = result.scores.clone();
        scores.sort_by_key(|score| manifest.labels.iter().position(|it| *it == score.label));
        assert_eq!(scores.len(), row.posteriors.len(), "{result:?}");
        for (score, expected) in scores.iter().zip(&row.posteriors) {
            let difference = (score.probability - expected).abs();
            assert!(difference <= TOLERANCE, "{}: {difference:e}", manifest.id());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs ORT_DYLIB_PATH"]
async fn imported_models_are_served_by_every_backend() {
    let models = tempfile::tempdir().expect("a folder");
    let packages = EXPORTS.map(|(folder, file)| import(folder, file, models.path()));
    let directory = models.path().to_str().expect("UTF-8");
    let plugins = [c_plugin(), tract_plugin()];
    let [c, tract] = plugins.each_ref().map(|path| path.to_str().expect("UTF-8"));
    for backend in ["burn", "onnx", "c", "tract"] {
        let environment = [
            ("SER__MODELS__DIRECTORY", directory),
            ("SER__MODELS__BACKEND", backend),
            ("SER__PLUGINS__C", c),
            ("SER__PLUGINS__TRACT", tract),
        ];
        let server = ServerProcess::start(&[], &environment);
        let channel = server.channel().await;
        server::until_serving(channel.clone()).await;
        for package in &packages {
            let placed = server::placement(channel.clone(), &package.manifest.id()).await;
            assert_eq!(placed, (backend.to_owned(), "cpu".to_owned()));
            for audio in &package.golden.audio {
                compare(channel.clone(), package, audio).await;
            }
        }
    }
}

#[test]
fn without_onnx_runtime_the_import_says_what_fetches_it() {
    let export =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../backends/graph/tests/foreign/keras");
    let models = tempfile::tempdir().expect("a folder");
    let output = binaries::command("ser-train")
        .arg("import")
        .arg(export.join("model.onnx"))
        .arg("--about")
        .arg(export.join("import.toml"))
        .arg("--models")
        .arg(models.path())
        .env("ORT_DYLIB_PATH", models.path().join("libonnxruntime.so"))
        .output()
        .expect("ser-train runs");
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("cargo xtask onnxruntime"), "{said}");
    let mut written = models.path().read_dir().expect("the folder is there");
    assert!(written.next().is_none());
}
