//! From a model that another framework exported to a model package.
//!
//! ONNX Runtime computes the golden rows on the graph as it was exported. The
//! package gets the same function in the nodes that our own exports have, and every
//! backend that is at hand must then give the golden rows.

mod agreement;
mod card;
mod spec;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Component, Path, PathBuf};

use ser_backend::{
    Backend, Batch, DeviceOptions, FORMAT, Golden, InputSpec, MAX_ROWS, Manifest, Model,
    ModelPackage, Precision, Row,
};
use ser_backend_burn::BurnBackend;
use ser_backend_onnx::OnnxBackend;
use ser_graph::{ForeignModel, Graph, GraphError};
use sha2::{Digest, Sha256};

use crate::TrainError;
use crate::dataset::write_atomically;
use crate::error::AtPath;
use crate::export::golden::{answered, made_up, sounds};
use crate::export::table;

pub use agreement::Agreement;
pub use spec::{ImportSpec, OutputKind, StandardisationSpec};

/// How far posteriors may sum up from 1.
const SUM_TOLERANCE: f32 = 1e-3;

/// How much wider than those of the golden audio the features of golden rows are
/// spread: a few windows of made-up sound know little of the world.
const WIDER: f32 = 3.0;

/// Where an imported package goes, and what checks it.
#[derive(Clone, Copy, Debug)]
pub struct ImportOptions<'a> {
    /// The folder that packages lie in.
    pub models: &'a Path,
    /// Whether a package of this name and version may be overwritten.
    pub replace: bool,
    /// ONNX Runtime's library, if it doesn't lie where the backend looks for it.
    pub onnx_runtime: Option<&'a Path>,
}

/// A package that was imported.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// Where it lies.
    pub folder: PathBuf,
    /// What each backend says to the golden rows.
    pub agreements: Vec<Agreement>,
}

/// An exported model with what it needs to become a package.
pub struct Source {
    /// The model, under the names of a package, with standardisation and softmax if
    /// the file that goes with it says so.
    pub model: ForeignModel,
    /// The same function in as few nodes as it takes.
    pub graph: Graph,
    /// Values of a row.
    shape: [usize; 2],
    /// The file's name.
    name: String,
    /// SHA-256 of the file.
    sha256: String,
}

/// Writes `<models>/<name>/<version>/` with `model.toml`, `model.onnx`,
/// `golden.json` and `MODEL_CARD.md`.
///
/// # Errors
///
/// When that folder is there and may not be replaced; when the model isn't of the
/// LSTM-classifier family, naming the first node that isn't; when it doesn't fit `spec`;
/// when ONNX Runtime isn't there; or when a backend gives other posteriors than ONNX
/// Runtime gave. Nothing is written then.
pub fn import(
    file: &Path,
    spec: &ImportSpec,
    options: ImportOptions<'_>,
) -> Result<Imported, TrainError> {
    let folder = options.models.join(&spec.name).join(&spec.version);
    if !options.replace && folder.symlink_metadata().is_ok() {
        return Err(TrainError::Exists(folder));
    }
    let source = Source::read(file, spec)?;
    let mut onnx = DeviceOptions::default();
    if let Some(library) = options.onnx_runtime {
        let library = library.display().to_string().into();
        onnx.settings.insert("library".to_owned(), library);
    }
    let manifest = source.manifest(spec)?;
    let mut reference = source.reference(&manifest, &onnx)?;
    let golden = golden(spec, &mut *reference)?;
    let origin = folder.display().to_string();
    let graph = source.graph.write().into();
    let package = ModelPackage::from_values(&origin, manifest, graph, golden)?;
    let backends: [(&dyn Backend, &DeviceOptions); 2] = [
        (&OnnxBackend::new(), &onnx),
        (&BurnBackend::new(), &DeviceOptions::default()),
    ];
    let agreements = backends
        .into_iter()
        .map(|(backend, options)| Agreement::of(&mut *backend.load(&package, options)?, &package))
        .collect::<Result<Vec<_>, _>>()?;
    let numerics = &reference.info().numerics;
    let card = card::of(&source, spec, &package, numerics, &agreements);
    // The package itself comes last: who finds it finds it whole.
    fs::create_dir_all(&folder).at(&folder)?;
    write_atomically(&folder.join("MODEL_CARD.md"), card.as_bytes())?;
    package.write(&folder)?;
    Ok(Imported { folder, agreements })
}

impl Source {
    /// Reads an exported model.
    ///
    /// # Errors
    ///
    /// When it isn't of the LSTM-classifier family, naming the first node that
    /// isn't, or doesn't fit `spec`.
    pub fn read(file: &Path, spec: &ImportSpec) -> Result<Self, TrainError> {
        let bytes = fs::read(file).at(file)?;
        let refused = |reason: String| TrainError::Import {
            file: file.to_owned(),
            reason,
        };
        let refused_graph = |error: GraphError| refused(error.to_string());
        let mut model =
            ForeignModel::read(&bytes, |name| beside(file, name)).map_err(refused_graph)?;
        let shape = model.row_shape().map_err(refused_graph)?;
        if let Some(StandardisationSpec { mean, deviation }) = &spec.standardisation {
            let standardised = model.standardise(mean, deviation);
            standardised.map_err(|error| refused(format!("standardisation: {error}")))?;
        }
        if spec.output == OutputKind::Logits {
            model.softmax();
        }
        let graph = model.simplified().map_err(refused_graph)?;
        let outputs = &graph.value(graph.outputs()[0].1).shape;
        if outputs.rank() != 2 || outputs.last() != Some(spec.labels.len()) {
            let labels = spec.labels.len();
            return Err(refused(format!(
                "the output has shape {outputs}, expected [rows, {labels}] for {labels} labels"
            )));
        }
        Ok(Self {
            model,
            graph,
            shape,
            name: file_name(file),
            sha256: Sha256::digest(&bytes)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
        })
    }

    /// The package's manifest.
    ///
    /// # Errors
    ///
    /// When a section can't be written as TOML.
    pub fn manifest(&self, spec: &ImportSpec) -> Result<Manifest, TrainError> {
        let [steps, width] = self.shape;
        Ok(Manifest {
            format: FORMAT,
            name: spec.name.clone(),
            version: spec.version.clone(),
            description: spec.description.clone(),
            licence: spec.licence.clone(),
            labels: spec.labels.clone(),
            precision: Precision::Fp32,
            input: InputSpec::Windowed { steps, width },
            decision: spec.decision,
            front_end: table(&spec.front_end)?,
            windows: Some(table(&spec.windows)?),
            metadata: spec.metadata.clone(),
        })
    }

    /// The graph as it was exported, in ONNX Runtime.
    fn reference(
        &self,
        manifest: &Manifest,
        options: &DeviceOptions,
    ) -> Result<Box<dyn Model>, TrainError> {
        // Not a package yet: the golden rows are what it is loaded for.
        let exported = ModelPackage {
            manifest: manifest.clone(),
            graph: self.model.write().into(),
            graph_sha256: self.sha256.clone(),
            golden: Golden {
                rows: Vec::new(),
                audio: Vec::new(),
            },
            origin: self.name.clone(),
        };
        Ok(OnnxBackend::new().load(&exported, options)?)
    }
}

/// Weights beside the model's file.
fn beside(file: &Path, name: &str) -> Result<Vec<u8>, String> {
    let path = Path::new(name);
    let inside = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    if !path.components().all(inside) {
        return Err(format!(
            "lies in {name:?}, expected a file beside the model's"
        ));
    }
    let path = file.with_file_name(path);
    fs::read(&path).map_err(|error| format!("can't read {}: {error}", path.display()))
}

fn file_name(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// Golden rows and audio with the posteriors that the exported graph gives.
fn golden(spec: &ImportSpec, reference: &mut dyn Model) -> Result<Golden, TrainError> {
    let sounds = sounds(&spec.front_end, &spec.windows)?;
    let values = reference.info().shape.features();
    let windows: Vec<&[f32]> = sounds
        .iter()
        .flat_map(|sound| &sound.windows)
        .map(|(features, _)| features.as_slice())
        .collect();
    if let Some(window) = windows.iter().find(|window| window.len() != values) {
        let got = window.len();
        return Err(TrainError::Data(format!(
            "front_end: gives {got} values a row; the model takes {values}"
        )));
    }
    let [mean, deviation] = match &spec.standardisation {
        Some(constants) => [constants.mean.clone(), constants.deviation.clone()],
        None => spread(&windows),
    };
    let rows = made_up(&mean, &deviation, reference.info().shape.steps);
    answered(rows, sounds, |features| answers(reference, features))
}

/// Mean and widened deviation of each feature.
fn spread(windows: &[&[f32]]) -> [Vec<f32>; 2] {
    let count = windows.len() as f32;
    let columns = 0..windows.first().map_or(0, |window| window.len());
    let column = |at: usize| windows.iter().map(move |window| window[at]);
    let of = |at: usize| {
        let mean = column(at).sum::<f32>() / count;
        let variance = column(at).map(|x| (x - mean).powi(2)).sum::<f32>() / count;
        (mean, WIDER * variance.sqrt())
    };
    let (mean, deviation) = columns.map(of).unzip();
    [mean, deviation]
}

/// The posteriors of rows of features.
fn answers(model: &mut dyn Model, rows: &[&[f32]]) -> Result<Vec<Vec<f32>>, TrainError> {
    let mut batch = Batch::new(model.info().shape);
    let steps = model.info().shape.steps;
    let mut posteriors = Vec::new();
    for rows in rows.chunks(MAX_ROWS) {
        batch.clear();
        for features in rows {
            batch.push(Row {
                features,
                state: &[],
                valid_steps: steps,
            });
        }
        model.infer(&mut batch)?;
        posteriors.extend((0..rows.len()).map(|row| batch.posteriors(row).to_vec()));
    }
    let sums = posteriors.iter().map(|row| row.iter().sum::<f32>());
    let strays = |sum: &f32| (sum - 1.0).abs() > SUM_TOLERANCE || sum.is_nan();
    if let Some(sum) = sums.into_iter().find(strays) {
        return Err(TrainError::Data(format!(
            "the outputs of a row sum up to {sum}, expected 1; a model that ends without a \
             softmax needs output = \"logits\""
        )));
    }
    Ok(posteriors)
}
