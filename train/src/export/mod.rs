//! From a finished run to a model package.

pub(crate) mod card;
pub(crate) mod golden;
mod graph;
mod synthesis;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ser_backend::{Backend, DeviceOptions, FORMAT, InputSpec, Manifest, ModelPackage, Precision};
use ser_backend_burn::BurnBackend;
use serde::Serialize;

use crate::TrainError;
use crate::dataset::write_atomically;
use crate::evaluate::{Evaluation, TrainedRun};

/// What a package is called and under which terms its weights are given away.
#[derive(Clone, Debug)]
pub struct PackageName {
    /// `[a-z0-9][a-z0-9._-]*`.
    pub name: String,
    /// `[a-z0-9][a-z0-9._-]*`.
    pub version: String,
    /// SPDX expression of the licence of the weights.
    pub licence: String,
}

/// Writes `<models>/<name>/<version>/` with `model.toml`, `model.onnx`,
/// `golden.json` and `MODEL_CARD.md`, then loads it with the native backend, which
/// replays the golden rows. `evaluations` are told in the card.
///
/// # Errors
///
/// When a file can't be written, or what was written can't be served.
pub fn export(
    run: &TrainedRun,
    evaluations: &[Evaluation],
    package: &PackageName,
    models: &Path,
) -> Result<PathBuf, TrainError> {
    let PackageName {
        name,
        version,
        licence,
    } = package;
    let folder = models.join(name).join(version);
    let manifest = Manifest {
        format: FORMAT,
        name: name.clone(),
        version: version.clone(),
        description: run.recipe.description.clone(),
        licence: licence.clone(),
        labels: run.report.labels.iter().map(ToString::to_string).collect(),
        precision: Precision::Fp32,
        input: InputSpec::Windowed {
            steps: run.classifier.standardisation.mean.len(),
            width: 1,
        },
        decision: run.report.decision,
        front_end: table(&run.recipe.front_end)?,
        windows: Some(table(&run.recipe.windows)?),
        metadata: metadata(run),
    };
    let graph = graph::of(&run.classifier)?.write();
    let golden = golden::of(run)?;
    let origin = folder.display().to_string();
    ModelPackage::from_values(&origin, manifest, graph.into(), golden)?.write(&folder)?;
    let written = ModelPackage::read(&folder)?;
    BurnBackend::new().load(&written, &DeviceOptions::default())?;
    let card = card::of(run, evaluations, &written);
    write_atomically(&folder.join("MODEL_CARD.md"), card.as_bytes())?;
    Ok(folder)
}

/// A section of the manifest.
pub(crate) fn table(section: &impl Serialize) -> Result<toml::Table, TrainError> {
    toml::Table::try_from(section).map_err(|error| TrainError::Data(error.to_string()))
}

fn metadata(run: &TrainedRun) -> BTreeMap<String, String> {
    let report = &run.report;
    let percent = |share: f64| format!("{:.2} %", 100.0 * share);
    let corpora = report
        .train_corpora
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>();
    BTreeMap::from([
        ("corpora".to_owned(), corpora.join(", ")),
        (
            "split".to_owned(),
            format!("{}, seed {}", report.protocol.slug(), report.seed),
        ),
        ("test_accuracy".to_owned(), percent(report.test.accuracy)),
        (
            "trainable_parameters".to_owned(),
            report.parameters.to_string(),
        ),
    ])
}
