//! What is wrong with a package is named.

use super::*;

fn manifest_refusal(from: &str, to: &str) -> String {
    assert!(MANIFEST.contains(from), "{from}");
    let manifest = MANIFEST.replacen(from, to, 1);
    ModelPackage::from_parts("tests", &manifest, b"graph", GOLDEN)
        .unwrap_err()
        .to_string()
}

fn golden_refusal(from: &str, to: &str) -> String {
    assert!(GOLDEN.contains(from), "{from}");
    let golden = GOLDEN.replacen(from, to, 1);
    ModelPackage::from_parts("tests", MANIFEST, b"graph", &golden)
        .unwrap_err()
        .to_string()
}

#[test]
fn a_wrong_manifest_is_refused_by_key() {
    let cases = [
        ("format = 1", "format = 2", "format: 2; expected 1"),
        ("format = 1\n", "", "format: missing; expected 1"),
        (
            "name = \"tiny\"",
            "name = \"Tiny\"",
            "name: \"Tiny\"; expected [a-z0-9]",
        ),
        (
            "version = \"1\"",
            "version = \"../1\"",
            "version: \"../1\"; expected [a-z0-9]",
        ),
        (
            "version = \"1\"",
            "version = \"\"",
            "version: \"\"; expected [a-z0-9]",
        ),
        (
            "version = \"1\"",
            "version = \"-1\"",
            "version: \"-1\"; expected [a-z0-9]",
        ),
        (
            "version = \"1\"",
            "version = 1",
            "version: invalid type: integer `1`",
        ),
        (
            "licence = \"MIT\"",
            "licence = \" \"",
            "licence: \" \"; expected some text",
        ),
        ("licence = \"MIT\"\n", "", "missing field `licence`"),
        (
            "[\"angry\", \"neutral\"]",
            "[\"angry\"]",
            "number of labels: 1; expected 2 to 1024",
        ),
        (
            "\"neutral\"]",
            "\"angry\"]",
            "labels[1]: \"angry\"; expected each label once",
        ),
        ("\"neutral\"]", "\"\"]", "labels[1]: \"\"; expected text"),
        ("\"neutral\"]", "3]", "labels[1]: invalid type: integer `3`"),
        (
            "labels = [\"angry\", \"neutral\"]\n",
            "",
            "missing field `labels`",
        ),
        ("\"fp32\"", "\"fp64\"", "precision: unknown variant `fp64`"),
        ("\"recurrent\"", "\"windowed\"", "unknown field `state`"),
        (
            "state = 1",
            "state = 0",
            "input.state: 0; expected 1 to 1048576",
        ),
        (
            "steps = 2",
            "steps = 0",
            "input.steps: 0; expected 1 to 1048576",
        ),
        (
            "width = 1",
            "width = 1000000",
            "input.width: 1000000; expected 1 to 524288",
        ),
        ("width = 1", "width = -1", "input"),
        (
            "temperature = 1.5",
            "temperature = 0.0",
            "decision.temperature: 0; expected a number",
        ),
        (
            "temperature = 1.5",
            "temperature = nan",
            "decision.temperature: NaN; expected",
        ),
        (
            "temperature = 1.5",
            "temperature = inf",
            "decision.temperature: inf; expected",
        ),
        (
            "= 0.4",
            "= 1.5",
            "decision.uncertain_below: 1.5; expected 0 to 1",
        ),
        (
            "= 0.4",
            "= 0.4\ncolour = 1",
            "decision.colour: unknown field `colour`",
        ),
        (
            "format = 1",
            "format = 1\ncolour = 1",
            "colour: unknown field `colour`",
        ),
        (
            "[front_end]",
            "[windows]\n[front_end]",
            "windows: present; expected none",
        ),
        (
            "name = \"tiny\"",
            "name = \"tiny\"\nname = \"tiny\"",
            "line 4: duplicate key",
        ),
    ];
    for (from, to, expected) in cases {
        let refusal = manifest_refusal(from, to);
        assert!(refusal.starts_with("tests/model.toml: "), "{refusal}");
        assert!(refusal.contains(expected), "{to}: {refusal}");
    }
}

#[test]
fn wrong_golden_rows_are_refused_by_key() {
    let cases = [
        (
            "[1.5, -2.0]",
            "[1.5]",
            "rows[0].features: 1 values; expected 2",
        ),
        (
            "[1.5, -2.0]",
            "[1.5, 1e39]",
            "rows[0].features[1]: inf; expected a finite number",
        ),
        (
            "[1.5, -2.0]",
            "[1.5, \"a\"]",
            "rows[0].features[1]: invalid type: string",
        ),
        (
            "\"state\": [0.0], ",
            "",
            "rows[0].state: 0 values; expected 1",
        ),
        (
            "\"valid_steps\": 1",
            "\"valid_steps\": 3",
            "rows[0].valid_steps: 3; expected 1 to 2",
        ),
        (
            "\"valid_steps\": 1",
            "\"valid_steps\": 0",
            "rows[0].valid_steps: 0; expected 1 to 2",
        ),
        ("0.25]", "0.15]", "rows[0].posteriors: their sum is 0.9"),
        (
            "[0.75, 0.25]",
            "[1.25, -0.25]",
            "rows[0].posteriors[0]: 1.25; expected 0 to 1",
        ),
        ("\"audio\"", "\"sound\"", "unknown field `sound`"),
        (
            "AQD//w==",
            "AQD/",
            "audio[0].samples: 3 bytes; expected two for each sample",
        ),
        ("AQD//w==", "AQ?", "audio[0].samples: "),
        (
            "AQD//w==",
            "",
            "audio[0].samples: none; expected at least one",
        ),
        (
            "16000",
            "7999",
            "audio[0].sample_rate: 7999; expected 8000 to 192000",
        ),
        (
            "\"valid_steps\": 2",
            "\"valid_steps\": 5",
            "audio[0].rows[0].valid_steps: 5",
        ),
    ];
    for (from, to, expected) in cases {
        let refusal = golden_refusal(from, to);
        assert!(refusal.starts_with("tests/golden.json: "), "{refusal}");
        assert!(refusal.contains(expected), "{to}: {refusal}");
    }
    let empty = ModelPackage::from_parts("tests", MANIFEST, b"graph", r#"{"rows":[],"audio":[]}"#);
    let refusal = empty.unwrap_err().to_string();
    assert!(
        refusal.contains("number of rows: 0; expected 1 to"),
        "{refusal}"
    );
}

#[test]
fn nothing_follows_the_golden_rows() {
    for rest in ["{}", "]", "rows"] {
        let golden = format!("{GOLDEN}\n{rest}");
        let error = ModelPackage::from_parts("tests", MANIFEST, b"graph", &golden).unwrap_err();
        assert_eq!(
            error.to_string(),
            "tests/golden.json: trailing characters at line 14 column 1"
        );
    }
}

#[test]
fn an_empty_graph_is_refused() {
    let error = ModelPackage::from_parts("tests", MANIFEST, b"", GOLDEN).unwrap_err();
    assert_eq!(error.to_string(), "tests/model.onnx: is empty");
}

#[test]
fn a_windowed_package_needs_windows() {
    let manifest = MANIFEST
        .replace("\"recurrent\"", "\"windowed\"")
        .replace("state = 1\n", "");
    let error = ModelPackage::from_parts("tests", &manifest, b"graph", GOLDEN).unwrap_err();
    assert!(
        error.to_string().contains("windows: missing; expected"),
        "{error}"
    );
}

proptest! {
    #[test]
    fn garbage_is_refused(manifest in ".{0,200}", golden in ".{0,200}") {
        prop_assert!(ModelPackage::from_parts("tests", &manifest, b"graph", GOLDEN).is_err());
        prop_assert!(ModelPackage::from_parts("tests", MANIFEST, b"graph", &golden).is_err());
    }
}
