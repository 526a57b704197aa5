//! How well a backend agrees with the golden rows.

use std::fmt;

use ser_backend::{Batch, Model, ModelPackage, golden::largest_difference};

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
    /// Runs every golden row.
    ///
    /// # Errors
    ///
    /// When a call fails.
    pub fn of(model: &mut dyn Model, package: &ModelPackage) -> Result<Self, TrainError> {
        let golden = &package.golden;
        let of_audio = golden.audio.iter().flat_map(|audio| &audio.rows);
        let mut batch = Batch::new(model.info().shape);
        let (mut rows, mut largest) = (0, 0.0_f32);
        for row in golden.rows.iter().chain(of_audio) {
            batch.clear();
            batch.push(row.row());
            model.infer(&mut batch)?;
            largest = largest.max(largest_difference(batch.posteriors(0), &row.posteriors));
            rows += 1;
        }
        Ok(Self {
            backend: model.info().backend.clone(),
            rows,
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
