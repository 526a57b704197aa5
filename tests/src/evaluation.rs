//! What `ser-train evaluate` says of real speech.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

use crate::binaries;

/// The folder that holds the corpora.
///
/// # Panics
///
/// When the environment doesn't name it.
#[must_use]
pub fn corpora() -> PathBuf {
    env::var_os("SER_CORPORA")
        .expect("SER_CORPORA names the folder that holds the corpus `tess`")
        .into()
}

/// The seed model's package.
#[must_use]
pub fn package() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tess-lstm/1")
}

/// The predictions of `ser-train evaluate` for every clip of the corpus in `tess`: file
/// to label.
///
/// # Panics
///
/// When the evaluation fails.
#[must_use]
pub fn evaluated(tess: &Path) -> BTreeMap<PathBuf, String> {
    let scratch = tempfile::tempdir().expect("a folder");
    let predictions = scratch.path().join("predictions.jsonl");
    let status = binaries::command("ser-train")
        .args(["evaluate", "--package"])
        .arg(package())
        .arg("--corpus")
        .arg(format!("tess={}", tess.display()))
        .arg("--predictions")
        .arg(&predictions)
        .arg("--cache")
        .arg(scratch.path())
        .status()
        .expect("ser-train runs");
    assert!(status.success());
    fs::read_to_string(predictions)
        .expect("predictions")
        .lines()
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
            let field = |key: &str| line[key].as_str().expect("a text").to_owned();
            (tess.join(field("file")), field("predicted"))
        })
        .collect()
}
