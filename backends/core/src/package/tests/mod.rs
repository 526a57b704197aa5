mod files;
mod refusals;
mod truncation;

use proptest::prelude::*;

use super::*;

const MANIFEST: &str = r#"
format = 1
name = "tiny"
version = "1"
description = "For tests"
licence = "MIT"
labels = ["angry", "neutral"]
precision = "fp32"

[input]
kind = "recurrent"
steps = 2
width = 1
state = 1

[decision]
temperature = 1.5
uncertain_below = 0.4

[front_end]
sample_rate = 16000
"#;

const GOLDEN: &str = r#"{
    "rows": [{
        "features": [1.5, -2.0], "state": [0.0], "valid_steps": 1,
        "posteriors": [0.75, 0.25], "next_state": [0.5]
    }],
    "audio": [{
        "sample_rate": 16000, "samples": "AQD//w==",
        "rows": [{
            "features": [1.5, -2.0], "state": [0.0], "valid_steps": 2,
            "posteriors": [0.75, 0.25], "next_state": [0.5]
        }]
    }]
}"#;

fn package() -> ModelPackage {
    ModelPackage::from_parts("tests", MANIFEST, b"graph", GOLDEN).unwrap()
}

#[test]
fn a_package_holds_what_its_files_say() {
    let package = package();
    assert_eq!(package.manifest.id(), "tiny/1");
    let shape = package.manifest.row_shape();
    assert_eq!(
        (shape.steps, shape.width, shape.state, shape.classes),
        (2, 1, 1, 2)
    );
    assert_eq!(package.golden.audio[0].samples().unwrap(), [1, -1]);
    // sha256sum of the five bytes "graph".
    assert_eq!(
        package.graph_sha256,
        "eef93e1d14482804277fca0172464032d1a4fdbcc338524059fa1e861454ad4d"
    );
}

proptest! {
    #[test]
    fn golden_numbers_keep_their_bits(values in prop::collection::vec(any::<f32>().prop_filter("finite", |value| value.is_finite()), 2)) {
        let mut package = package();
        package.golden.rows[0].features = values;
        let text = serde_json::to_string(&package.golden).unwrap();
        let read: Golden = serde_json::from_str(&text).unwrap();
        let bits = |golden: &Golden| -> Vec<u32> {
            golden.rows[0].features.iter().map(|value| value.to_bits()).collect()
        };
        prop_assert_eq!(bits(&read), bits(&package.golden));
    }

    #[test]
    fn samples_survive_packing(samples in prop::collection::vec(any::<i16>(), 0..64)) {
        let audio = GoldenAudio::new(16_000, &samples, Vec::new());
        prop_assert_eq!(audio.samples().unwrap(), samples);
    }
}
