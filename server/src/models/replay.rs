//! Golden audio, replayed through the front end and the model before the model
//! may serve.

use std::sync::Arc;

use ser_backend::{
    BackendError, Batch, GoldenAudio, GoldenRow, Model, ModelPackage, PackageError, Row, golden,
};
use ser_features::{FeatureError, FrontEnd, FrontEndPlan, SampleRate, Segment};
use sha2::{Digest, Sha256};

use crate::Error;

/// Replays every clip of golden audio through the front end that `plan` makes
/// for its rate, and through `model`.
///
/// Posteriors and states may be off by the package's tolerance, features by the
/// tolerance times the largest feature of their row. Within that every build and
/// machine may have bits of its own: returns a name of those that came out.
///
/// # Errors
///
/// [`BackendError::Golden`] names the first value that is further off;
/// [`PackageError::Invalid`] says what is wrong with the golden audio itself.
pub(super) fn golden_audio(
    model: &mut dyn Model,
    package: &ModelPackage,
    plan: impl Fn(SampleRate) -> Result<Arc<FrontEndPlan>, FeatureError>,
) -> Result<String, Error> {
    let mut bits = Bits::default();
    for (index, audio) in package.golden.audio.iter().enumerate() {
        let clip = Clip {
            package,
            index,
            audio,
        };
        let rows = clip.rows(&plan)?;
        let mut batch = Batch::new(model.info().shape);
        let mut state = vec![0.0; batch.shape().state];
        for (at, (row, golden)) in rows.iter().zip(&audio.rows).enumerate() {
            clip.compare_features(at, row, golden)?;
            batch.clear();
            batch.push(Row {
                features: &row.features,
                state: &state,
                valid_steps: row.valid_steps,
            });
            model.infer(&mut batch)?;
            golden::compare(package, &clip.row_name(at), golden, &batch)?;
            state.copy_from_slice(batch.next_state(0));
            bits.add(&row.features);
            bits.add(batch.posteriors(0));
            bits.add(&state);
        }
    }
    Ok(bits.name())
}

/// Digests numbers by their bits.
#[derive(Default)]
struct Bits(Sha256);

impl Bits {
    fn add(&mut self, values: &[f32]) {
        for value in values {
            self.0.update(value.to_le_bytes());
        }
    }

    /// The start of the digest, in hexadecimal.
    fn name(self) -> String {
        let digest = self.0.finalize();
        digest[..8]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

/// One clip of golden audio.
struct Clip<'a> {
    package: &'a ModelPackage,
    index: usize,
    audio: &'a GoldenAudio,
}

/// What the front end made of one window.
struct FrontEndRow {
    features: Vec<f32>,
    valid_steps: usize,
}

impl Clip<'_> {
    /// The rows that the front end makes of the clip, as many as there are golden
    /// ones.
    fn rows(
        &self,
        plan: impl Fn(SampleRate) -> Result<Arc<FrontEndPlan>, FeatureError>,
    ) -> Result<Vec<FrontEndRow>, Error> {
        let samples = self
            .audio
            .samples()
            .map_err(|error| self.invalid(&error.to_string()))?;
        let samples: Vec<f32> = samples
            .into_iter()
            .map(|sample| f32::from(sample) / 32_768.0)
            .collect();
        let plan = SampleRate::new(self.audio.sample_rate)
            .and_then(plan)
            .map_err(|source| Error::FrontEnd {
                model: self.package.manifest.id(),
                source,
            })?;
        let mut front_end = FrontEnd::new(plan);
        let mut rows = Vec::new();
        let mut emit = |segment: Segment<'_>| {
            let features = segment.features.to_vec();
            rows.push(FrontEndRow {
                features,
                valid_steps: segment.valid_steps,
            });
        };
        front_end.push(&samples, &mut emit);
        front_end.finish(&mut emit);
        let given = self.audio.rows.len();
        if rows.len() != given {
            return Err(self.invalid(&format!(
                "rows: {given}; expected {}, one a window",
                rows.len()
            )));
        }
        Ok(rows)
    }

    fn compare_features(
        &self,
        at: usize,
        row: &FrontEndRow,
        golden: &GoldenRow,
    ) -> Result<(), Error> {
        if row.valid_steps != golden.valid_steps {
            let (given, expected) = (golden.valid_steps, row.valid_steps);
            return Err(self.invalid(&format!(
                "rows[{at}].valid_steps: {given}; expected {expected}"
            )));
        }
        let largest = golden
            .features
            .iter()
            .fold(1.0_f32, |most, value| most.max(value.abs()));
        let tolerance = self.package.manifest.precision.tolerance() * largest;
        for (index, (&got, &expected)) in row.features.iter().zip(&golden.features).enumerate() {
            let off = (got - expected).abs();
            if off > tolerance || off.is_nan() {
                return Err(Error::Backend(BackendError::Golden {
                    package: self.package.manifest.id(),
                    what: format!("feature {index} of {}", self.row_name(at)),
                    got,
                    expected,
                    tolerance,
                }));
            }
        }
        Ok(())
    }

    fn row_name(&self, at: usize) -> String {
        format!("row {at} of golden audio {}", self.index)
    }

    fn invalid(&self, reason: &str) -> Error {
        let error = PackageError::Invalid {
            file: format!("{}/golden.json", self.package.origin),
            reason: format!("audio[{}].{reason}", self.index),
        };
        Error::Backend(error.into())
    }
}
