//! A package on the clips of a corpus, through the native backend.

use std::path::PathBuf;

use ser_backend::{Backend, Batch, DeviceOptions, MAX_ROWS, ModelPackage, Row};
use ser_backend_burn::BurnBackend;
use ser_features::FrontEndParams;
use serde::Serialize;

use super::{ConfusionMatrix, Metrics};
use crate::TrainError;
use crate::dataset::Clip;
use crate::model::likeliest;

/// What a package says of a clip.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Prediction {
    /// The clip: where it lies in its corpus's folder.
    pub file: PathBuf,
    /// The label it has.
    pub label: String,
    /// The label it is given: that of the largest posterior.
    pub predicted: String,
    /// In the order of the package's labels, before calibration.
    pub posteriors: Vec<f32>,
}

/// The front end that a package declares.
///
/// # Errors
///
/// When its `[front_end]` is none of this server's.
pub fn front_end(package: &ModelPackage) -> Result<FrontEndParams, TrainError> {
    let params = package
        .manifest
        .front_end
        .clone()
        .try_into::<FrontEndParams>();
    let invalid = |error: toml::de::Error| {
        TrainError::Data(format!("{}: front_end: {error}", package.manifest.id()))
    };
    let params = params.map_err(invalid)?;
    params.validate()?;
    Ok(params)
}

/// Runs clips whose emotion is among the package's labels; others are left out.
///
/// # Errors
///
/// When the backend can't load or run the package, or its rows aren't whole clips.
pub fn predict<'a>(
    package: &ModelPackage,
    clips: impl Iterator<Item = &'a Clip>,
) -> Result<Vec<Prediction>, TrainError> {
    let mut model = BurnBackend::new().load(package, &DeviceOptions::default())?;
    let labels = &package.manifest.labels;
    let shape = package.manifest.row_shape();
    let clips: Vec<_> = clips
        .filter(|clip| labels.iter().any(|label| label == clip.emotion.name()))
        .collect();
    if shape.state > 0
        || clips
            .iter()
            .any(|clip| clip.features.len() != shape.features())
    {
        let id = package.manifest.id();
        let reason = format!("{id}: only packages whose row is a whole clip can be evaluated");
        return Err(TrainError::Data(reason));
    }
    let mut predictions = Vec::with_capacity(clips.len());
    let mut batch = Batch::new(shape);
    for clips in clips.chunks(MAX_ROWS) {
        batch.clear();
        for clip in clips {
            batch.push(Row {
                features: &clip.features,
                state: &[],
                valid_steps: shape.steps,
            });
        }
        model.infer(&mut batch)?;
        for (row, clip) in clips.iter().enumerate() {
            let posteriors = batch.posteriors(row).to_vec();
            predictions.push(Prediction {
                file: clip.file.clone(),
                label: clip.emotion.to_string(),
                predicted: labels[likeliest(&posteriors)].clone(),
                posteriors,
            });
        }
    }
    Ok(predictions)
}

/// The figures of predictions by a package with these labels.
#[must_use]
pub fn score(labels: &[String], predictions: &[Prediction]) -> Metrics {
    let index = |name: &String| {
        labels
            .iter()
            .position(|label| label == name)
            .expect("predictions are among the labels")
    };
    let pairs = predictions
        .iter()
        .map(|p| (index(&p.label), index(&p.predicted)));
    ConfusionMatrix::new(labels.to_vec(), pairs).metrics()
}
