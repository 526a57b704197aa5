//! How well a backend agrees with the golden rows.

use std::fmt;

use ser_backend::{Batch, GoldenRow, Model, ModelPackage, golden};

use crate::TrainError;

/// What a backend says to the golden rows of a package, those of the audio
/// included.
#[derive(Clone, Debug, PartialEq)]
pub struct Agreement {
    /// The backend's name.
    pub backend: String,
    /// Rows that were compared.
    pub rows: usize,
    /// The largest difference of a posterior; infinite if one is NaN.
    pub largest: f32,
}

impl Agreement {
    /// Runs every golden row. Loading has compared some of them; those of the audio only
    /// a server would compare.
    ///
    /// # Errors
    ///
    /// When a call fails, or naming the first row that is further off than the package's
    /// tolerance.
    pub fn of(model: &mut dyn Model, package: &ModelPackage) -> Result<Self, TrainError> {
        let mut named: Vec<(String, &GoldenRow)> = Vec::new();
        for (at, row) in package.golden.rows.iter().enumerate() {
            named.push((format!("golden row {at}"), row));
        }
        for (clip, audio) in package.golden.audio.iter().enumerate() {
            for (at, row) in audio.rows.iter().enumerate() {
                named.push((format!("row {at} of golden audio {clip}"), row));
            }
        }
        let mut batch = Batch::new(model.info().shape);
        let mut largest = 0.0_f32;
        for (name, row) in &named {
            batch.clear();
            batch.push(row.row());
            model.infer(&mut batch)?;
            golden::compare(package, name, row, &batch)?;
            largest = largest.max(golden::largest_difference(
                batch.posteriors(0),
                &row.posteriors,
            ));
        }
        Ok(Self {
            backend: model.info().backend.clone(),
            rows: named.len(),
            largest,
        })
    }
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            backend,
            rows,
            largest,
        } = self;
        write!(
            f,
            "{backend}: {rows} rows, largest difference {largest:.1e}"
        )
    }
}
