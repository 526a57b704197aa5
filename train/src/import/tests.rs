//! What Keras and PyTorch export, against what they compute themselves.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ser_backend::{
    BackendError, GoldenAudio, GoldenRow, ModelInfo, RowShape, golden::largest_difference,
};
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

/// Imports nothing over anything else.
fn into(models: &Path) -> ImportOptions<'_> {
    ImportOptions {
        models,
        replace: false,
        onnx_runtime: None,
    }
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
        let imported = import(&foreign(folder).join(file), &spec, into(models.path())).unwrap();
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
    let folder = import(&file, &spec, into(models.path())).unwrap().folder;
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
    let error = import(&file, &spec, into(models.path())).unwrap_err();
    assert_eq!(
        error.to_string(),
        "front_end: gives 13 values a row; the model takes 40"
    );
    assert!(models.path().read_dir().unwrap().next().is_none());
}

#[test]
#[ignore = "needs ORT_DYLIB_PATH"]
fn a_package_is_overwritten_only_on_request() {
    let models = tempfile::tempdir().unwrap();
    let (keras, spec) = (foreign("keras").join("model.onnx"), spec("keras"));
    let folder = import(&keras, &spec, into(models.path())).unwrap().folder;
    let manifest = folder.join("model.toml");
    fs::write(&manifest, "somebody's work").unwrap();
    let error = import(&keras, &spec, into(models.path())).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "{}: is there already; --force replaces it",
            folder.display()
        )
    );
    assert_eq!(fs::read_to_string(&manifest).unwrap(), "somebody's work");
    let replacing = ImportOptions {
        replace: true,
        ..into(models.path())
    };
    import(&keras, &spec, replacing).unwrap();
    ModelPackage::read(&folder).unwrap();
}

/// Gives the same numbers for every row.
struct Stubborn(ModelInfo, Vec<f32>);

impl Model for Stubborn {
    fn info(&self) -> &ModelInfo {
        &self.0
    }

    fn infer(&mut self, batch: &mut Batch) -> Result<(), BackendError> {
        let (_, outputs) = batch.split().unwrap();
        for row in outputs.posteriors.chunks_mut(self.1.len()) {
            row.copy_from_slice(&self.1);
        }
        Ok(())
    }

    fn instance(&self) -> Result<Box<dyn Model>, BackendError> {
        Ok(Box::new(Self(self.0.clone(), self.1.clone())))
    }
}

/// For rows of one value.
fn stubborn(posteriors: &[f32]) -> Stubborn {
    let shape = RowShape {
        steps: 1,
        width: 1,
        state: 0,
        classes: posteriors.len(),
    };
    let info = ModelInfo {
        backend: "stubborn".to_owned(),
        execution_provider: String::new(),
        numerics: String::new(),
        shape,
        batch_invariant: false,
    };
    Stubborn(info, posteriors.to_vec())
}

#[test]
fn rows_of_golden_audio_must_come_out_right_too() {
    let source = Source::read(&foreign("keras").join("model.onnx"), &spec("keras")).unwrap();
    let mut manifest = source.manifest(&spec("keras")).unwrap();
    manifest.input = InputSpec::Windowed { steps: 1, width: 1 };
    manifest.labels.truncate(2);
    let row = |posteriors: [f32; 2]| GoldenRow {
        features: vec![0.5],
        state: Vec::new(),
        valid_steps: 1,
        posteriors: posteriors.to_vec(),
        next_state: Vec::new(),
    };
    let audio = |posteriors| GoldenAudio::new(16_000, &[1, -1], vec![row(posteriors)]);
    let package = |posteriors| {
        let golden = Golden {
            rows: vec![row([0.75, 0.25])],
            audio: vec![audio([0.75, 0.25]), audio(posteriors)],
        };
        ModelPackage::from_values("test", manifest.clone(), Arc::from(*b"graph"), golden).unwrap()
    };
    let of = |values: &[f32], package| Agreement::of(&mut stubborn(values), &package);
    let agreement = of(&[0.75, 0.25], package([0.75, 0.25])).unwrap();
    assert_eq!((agreement.rows, agreement.largest), (3, 0.0));
    let error = of(&[0.75, 0.25], package([0.625, 0.375])).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("posterior 0 of row 0 of golden audio 1"),
        "{error}"
    );
    let error = of(&[f32::NAN, 0.25], package([0.75, 0.25])).unwrap_err();
    assert!(error.to_string().contains("golden row 0"), "{error}");
}

#[test]
fn outputs_that_are_no_posteriors_are_refused() {
    let mut model = stubborn(&[1.0; 3]);
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
