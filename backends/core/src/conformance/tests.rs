//! The checks on a backend of a few lines that can be told to do wrong.

use super::*;
use crate::{Golden, GoldenRow, MAX_ROWS, ModelInfo, golden};

/// More steps than rows go into a batch.
const STEPS: usize = MAX_ROWS + 36;

/// Its posteriors are a step and what is left to 1.
fn package() -> ModelPackage {
    let manifest = format!(
        r#"
        format = 1
        name = "long"
        version = "1"
        description = "For tests"
        licence = "MIT"
        labels = ["up", "down"]
        precision = "fp32"

        [input]
        kind = "recurrent"
        steps = {STEPS}
        width = 1
        state = 1

        [decision]
        temperature = 1.0
        uncertain_below = 0.0

        [front_end]
        "#
    );
    let row = GoldenRow {
        features: vec![0.25; STEPS],
        state: vec![0.5],
        valid_steps: STEPS,
        posteriors: vec![0.25, 0.75],
        next_state: vec![0.25],
    };
    let golden = Golden {
        rows: vec![row],
        audio: Vec::new(),
    };
    let golden = serde_json::to_string(&golden).unwrap();
    ModelPackage::from_parts("tests", &manifest, b"graph", &golden).unwrap()
}

/// Says the feature of a row's last valid step, or of its last step at all.
#[derive(Clone, Copy)]
struct Last {
    minds_padding: bool,
}

struct LastModel(Last, ModelInfo);

impl Backend for Last {
    fn name(&self) -> &str {
        "last"
    }

    fn probe(&self) -> Result<(), BackendError> {
        Ok(())
    }

    fn load(
        &self,
        package: &ModelPackage,
        _options: &DeviceOptions,
    ) -> Result<Box<dyn Model>, BackendError> {
        let info = ModelInfo {
            backend: self.name().to_owned(),
            execution_provider: "cpu".to_owned(),
            numerics: "exact".to_owned(),
            shape: package.manifest.row_shape(),
            batch_invariant: true,
        };
        let mut model = LastModel(*self, info);
        golden::replay(&mut model, package)?;
        Ok(Box::new(model))
    }
}

impl Model for LastModel {
    fn info(&self) -> &ModelInfo {
        &self.1
    }

    fn infer(&mut self, batch: &mut Batch) -> Result<(), BackendError> {
        let Some((inputs, outputs)) = batch.split() else {
            return Ok(());
        };
        for row in 0..inputs.bucket {
            let last = match self.0.minds_padding {
                true => inputs.valid_steps[row].max(1) - 1,
                false => STEPS - 1,
            };
            let value = inputs.features[row * STEPS + last];
            outputs.posteriors[2 * row] = value;
            outputs.posteriors[2 * row + 1] = 1.0 - value;
            outputs.next_state[row] = value;
        }
        Ok(())
    }

    fn instance(&self) -> Result<Box<dyn Model>, BackendError> {
        Ok(Box::new(Self(self.0, self.1.clone())))
    }
}

fn checked(check: Check, minds_padding: bool) -> Result<(), Failure> {
    check(&Subject {
        backend: &Last { minds_padding },
        options: &DeviceOptions::default(),
        package: &package(),
    })
}

#[test]
fn rows_may_have_more_steps_than_a_batch_has_rows() {
    checked(padding_changes_nothing, true).unwrap();
    let failure = checked(padding_changes_nothing, false).unwrap_err();
    assert!(
        failure.to_string().contains("valid steps, then"),
        "{failure}"
    );
}

#[test]
fn a_model_may_run_on_whatever_its_options_allow() {
    let reported = |names: &[&str]| {
        reports_itself(&Subject {
            backend: &Last {
                minds_padding: true,
            },
            options: &DeviceOptions {
                execution_providers: names.iter().map(ToString::to_string).collect(),
                ..DeviceOptions::default()
            },
            package: &package(),
        })
    };
    for names in [["cpu"].as_slice(), &["cuda-or-cpu"], &["cuda", "cpu"]] {
        reported(names).unwrap();
    }
    let failure = reported(&["cuda"]).unwrap_err().to_string();
    assert!(failure.contains("runs on \"cpu\""), "{failure}");
}
