//! What Keras and PyTorch export, against what they compute themselves.

use std::path::{Path, PathBuf};

use ser_backend::{BackendError, GoldenRow, ModelInfo, RowShape, golden::largest_difference};
use serde::Deserialize;

use super::*;

/// How far our probabilities may be off the framework's.
const TOLERANCE: f32 = 1e-4;

/// Folder, file.
const EXPORTS: [(&str, &str); 3] = [
    ("keras", "model.onnx"),
    ("pytorch", "model.onnx"),
    ("pytorch", "torchscript.onnx"),
];

/// What a framework computes on what its model takes.
#[derive(Deserialize)]
struct Outputs {
    inputs: Vec<Vec<f32>>,
    probabilities: Vec<Vec<f32>>,
}

impl Outputs {
    /// As raw features, if the model takes standardised ones.
    fn read(folder: &str, spec: &ImportSpec) -> Self {
        let text = fs::read_to_string(foreign(folder).join("outputs.json")).unwrap();
        let mut outputs: Self = serde_json::from_str(&text).unwrap();
        if let Some(StandardisationSpec { mean, deviation }) = &spec.standardisation {
            for row in &mut outputs.inputs {
                for ((value, mean), deviation) in row.iter_mut().zip(mean).zip(deviation) {
                    *value = *value * deviation + mean;
                }
            }
        }
        outputs
    }

    fn largest_difference(&self, model: &mut dyn Model) -> f32 {
        let rows: Vec<&[f32]> = self.inputs.iter().map(Vec::as_slice).collect();
        let got = answers(model, &rows).unwrap();
        assert_eq!(got.len(), self.probabilities.len());
        let pairs = got.iter().zip(&self.probabilities);
        pairs
            .map(|(got, expected)| largest_difference(got, expected))
            .fold(0.0, f32::max)
    }
}

fn foreign(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../backends/graph/tests/foreign")
        .join(folder)
}

fn spec(folder: &str) -> ImportSpec {
    ImportSpec::read(&foreign(folder).join("import.toml")).unwrap()
}

/// A package whose golden rows are what the framework computed.
fn package(source: &Source, spec: &ImportSpec, outputs: &Outputs) -> ModelPackage {
    let row = |(features, posteriors): (&Vec<f32>, &Vec<f32>)| GoldenRow {
        features: features.clone(),
        state: Vec::new(),
        valid_steps: 40,
        posteriors: posteriors.clone(),
        next_state: Vec::new(),
    };
    let rows = outputs.inputs.iter().zip(&outputs.probabilities);
    let golden = Golden {
        rows: rows.map(row).collect(),
        audio: Vec::new(),
    };
    let graph = source.graph.write().into();
    ModelPackage::from_values("test", source.manifest(spec).unwrap(), graph, golden).unwrap()
}

#[test]
fn the_native_backend_gives_the_probabilities_of_the_framework() {
    for (folder, file) in EXPORTS {
        let spec = spec(folder);
        let outputs = Outputs::read(folder, &spec);
        let source = Source::read(&foreign(folder).join(file), &spec).unwrap();
        let package = package(&source, &spec, &outputs);
        let options = DeviceOptions::default();
        let mut model = BurnBackend::new().load(&package, &options).unwrap();
        let largest = outputs.largest_difference(&mut *model);
        println!("{folder}/{file}: largest difference {largest:e}");
        assert!(largest <= TOLERANCE, "{folder}/{file}: {largest:e}");
    }
}

#[test]
#[ignore = "needs ORT_DYLIB_PATH"]
fn an_imported_package_gives_the_probabilities_of_the_framework_on_every_backend() {
    for (folder, file) in EXPORTS {
        let spec = spec(folder);
        let outputs = Outputs::read(folder, &spec);
        let models = tempfile::tempdir().unwrap();
        let imported = import(&foreign(folder).join(file), &spec, models.path(), None).unwrap();
        assert!(imported.folder.ends_with(format!("{folder}-lstm/1")));
        for agreement in &imported.agreements {
            println!("{folder}/{file}: {agreement}");
            assert!(agreement.largest <= 1e-5, "{agreement}");
            assert!(agreement.rows > 8, "{agreement}");
        }
        let package = ModelPackage::read(&imported.folder).unwrap();
        let backends: [&dyn Backend; 2] = [&OnnxBackend::new(), &BurnBackend::new()];
        for backend in backends {
            let options = DeviceOptions::default();
            let mut model = backend.load(&package, &options).unwrap();
            let largest = outputs.largest_difference(&mut *model);
            println!("{folder}/{file} on {}: {largest:e}", backend.name());
            assert!(largest <= TOLERANCE, "{}: {largest:e}", backend.name());
        }
        let card = fs::read_to_string(imported.folder.join("MODEL_CARD.md")).unwrap();
        let sha256 = Sha256::digest(fs::read(foreign(folder).join(file)).unwrap());
        let sha256: String = sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        for expected in [&spec.origin, &sha256, "onnxruntime ", "Article 5(1)(f)"] {
            assert!(card.contains(expected), "{expected}\n{card}");
        }
    }
}

#[test]
#[ignore = "needs ORT_DYLIB_PATH"]
fn logits_get_a_softmax() {
    // The export ends in a softmax; what a second one gives still sums up to 1.
    let mut spec = spec("keras");
    spec.output = OutputKind::Logits;
    let models = tempfile::tempdir().unwrap();
    let file = foreign("keras").join("model.onnx");
    let folder = import(&file, &spec, models.path(), None).unwrap().folder;
    let card = fs::read_to_string(folder.join("MODEL_CARD.md")).unwrap();
    assert!(
        card.contains("A softmax was added behind the logits."),
        "{card}"
    );
}

#[test]
#[ignore = "needs ORT_DYLIB_PATH"]
fn a_front_end_of_other_rows_is_named_and_nothing_is_written() {
    let mut spec = spec("keras");
    spec.front_end.n_mfcc = Some(13);
    let models = tempfile::tempdir().unwrap();
    let file = foreign("keras").join("model.onnx");
    let error = import(&file, &spec, models.path(), None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "front_end: gives 13 values a row; the model takes 40"
    );
    assert!(models.path().read_dir().unwrap().next().is_none());
}

/// Gives 1 for every class.
struct Unsure(ModelInfo);

impl Model for Unsure {
    fn info(&self) -> &ModelInfo {
        &self.0
    }

    fn infer(&mut self, batch: &mut Batch) -> Result<(), BackendError> {
        let (_, outputs) = batch.split().unwrap();
        outputs.posteriors.fill(1.0);
        Ok(())
    }

    fn instance(&self) -> Result<Box<dyn Model>, BackendError> {
        Ok(Box::new(Self(self.0.clone())))
    }
}

#[test]
fn outputs_that_are_no_posteriors_are_refused() {
    let shape = RowShape {
        steps: 1,
        width: 1,
        state: 0,
        classes: 3,
    };
    let mut model = Unsure(ModelInfo {
        backend: String::new(),
        execution_provider: String::new(),
        numerics: String::new(),
        shape,
        batch_invariant: false,
    });
    let error = answers(&mut model, &[&[0.0]]).unwrap_err().to_string();
    assert_eq!(
        error,
        "the outputs of a row sum up to 3, expected 1; a model that ends without a softmax needs \
         output = \"logits\""
    );
}

fn refusal(folder: &str, edit: impl FnOnce(&mut ImportSpec)) -> String {
    let mut spec = spec(folder);
    edit(&mut spec);
    let file = foreign(folder).join("model.onnx");
    let Err(error) = Source::read(&file, &spec) else {
        panic!("{folder} is read");
    };
    error.to_string()
}

#[test]
fn what_does_not_fit_the_model_is_named() {
    let labels = refusal("keras", |spec| spec.labels.truncate(6));
    assert!(
        labels.ends_with(
            "keras/model.onnx: the output has shape [rows, 7], expected [rows, 6] for 6 labels"
        ),
        "{labels}"
    );
    let constants = refusal("pytorch", |spec| {
        spec.standardisation.as_mut().unwrap().mean.truncate(13);
    });
    assert!(
        constants.ends_with("standardisation: mean: 13 numbers, expected 40"),
        "{constants}"
    );
    let zero = refusal("pytorch", |spec| {
        spec.standardisation.as_mut().unwrap().deviation[3] = 0.0;
    });
    assert!(
        zero.ends_with("(Div): divides by a constant that holds zero"),
        "{zero}"
    );
}

#[test]
fn weights_are_read_from_beside_the_model_only() {
    let file = foreign("pytorch").join("model.onnx");
    assert_eq!(beside(&file, "model.onnx.data").unwrap().len(), 288_544);
    for name in ["../keras/model.onnx", "/etc/hostname", "a/../../b"] {
        let error = beside(&file, name).unwrap_err();
        assert_eq!(
            error,
            format!("lies in {name:?}, expected a file beside the model's")
        );
    }
}

#[test]
fn a_key_that_nobody_knows_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = fs::read_to_string(foreign("keras").join("import.toml")).unwrap();
    fs::write(file.path(), format!("logits = true\n{text}")).unwrap();
    let error = ImportSpec::read(file.path()).unwrap_err().to_string();
    assert!(error.contains("unknown field `logits`"), "{error}");
}
