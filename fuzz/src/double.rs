//! A backend that costs nothing, counts its rows, and fails where a row is loud.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use ser_backend::{Backend, BackendError, Batch, DeviceOptions, Model, ModelInfo, ModelPackage};

use crate::models::{LABELS, STATE};

/// Its name.
pub const NAME: &str = "double";

/// Windows whose mean level is above this fail, in dB: babble at full scale.
const TOO_LOUD: f32 = -30.0;

/// The backend. Posteriors are a function of the row's features and state.
#[derive(Clone, Debug, Default)]
pub struct Double {
    rows: Arc<AtomicU64>,
}

impl Double {
    /// Rows that were computed so far, or failed.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows.load(Relaxed)
    }
}

impl Backend for Double {
    fn name(&self) -> &str {
        NAME
    }

    fn probe(&self) -> Result<(), BackendError> {
        Ok(())
    }

    fn load(
        &self,
        package: &ModelPackage,
        options: &DeviceOptions,
    ) -> Result<Box<dyn Model>, BackendError> {
        let info = ModelInfo {
            backend: NAME.to_owned(),
            execution_provider: options.execution_providers.join(", "),
            numerics: "exact".to_owned(),
            shape: package.manifest.row_shape(),
            batch_invariant: true,
        };
        Ok(Box::new(DoubleModel {
            info,
            backend: self.clone(),
        }))
    }
}

struct DoubleModel {
    info: ModelInfo,
    backend: Double,
}

impl Model for DoubleModel {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn infer(&mut self, batch: &mut Batch) -> Result<(), BackendError> {
        let shape = self.info.shape;
        let rows = batch.len();
        let Some((inputs, outputs)) = batch.split() else {
            return Ok(());
        };
        self.backend.rows.fetch_add(rows as u64, Relaxed);
        for row in 0..inputs.bucket {
            let features = &inputs.features[row * shape.features()..][..shape.features()];
            let mean = features.iter().sum::<f32>() / features.len() as f32;
            // The rows that fill a bucket up, and those of whoever waits for it, are zeros.
            if shape.state == 0 && mean != 0.0 && mean > TOO_LOUD {
                return Err(BackendError::Inference("too loud".to_owned()));
            }
            let mut state = [0.0; STATE];
            state[..shape.state].copy_from_slice(&inputs.state[row * shape.state..][..shape.state]);
            let seen = state[0].clamp(0.0, 100.0);
            let weights = [1.0, 1.0 + seen, 1.0 + mean.abs().min(100.0) / 50.0];
            let total: f32 = weights.iter().sum();
            let posteriors = weights.map(|weight| weight / total);
            outputs.posteriors[row * LABELS..][..LABELS].copy_from_slice(&posteriors);
            if shape.state > 0 {
                state[0] = seen + inputs.valid_steps[row] as f32 / 100.0;
                outputs.next_state[row * STATE..][..STATE].copy_from_slice(&state);
            }
        }
        Ok(())
    }

    fn instance(&self) -> Result<Box<dyn Model>, BackendError> {
        Ok(Box::new(Self {
            info: self.info.clone(),
            backend: self.backend.clone(),
        }))
    }
}
