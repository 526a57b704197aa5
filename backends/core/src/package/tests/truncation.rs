//! Files that end early.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::*;

/// Cuts of a file at most: the largest is cut at every 35th byte.
const MOST_CUTS: usize = 4_000;

/// A text cut at every tenth byte, or further apart, and at its last ones.
fn cuts(text: &str) -> impl Iterator<Item = &str> {
    let step = 10.max(text.len().div_ceil(MOST_CUTS));
    let ends = (0..text.len()).step_by(step);
    let last = text.len().saturating_sub(20)..text.len();
    ends.chain(last).map(|end| &text[..end])
}

/// The packages of this repository.
fn packages() -> Vec<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut packages = vec![here.join("../../models/tess-lstm/1")];
    for folder in fs::read_dir(here.join("tests/packages")).unwrap() {
        packages.push(folder.unwrap().path().join("1"));
    }
    packages.retain(|package| package.is_dir());
    assert!(packages.len() > 4);
    packages
}

/// What a backend reads of a manifest.
fn without_tables(manifest: &Manifest) -> Manifest {
    Manifest {
        front_end: toml::Table::new(),
        windows: None,
        metadata: Default::default(),
        ..manifest.clone()
    }
}

#[test]
fn a_text_that_ends_early_is_refused_or_says_the_same() {
    for directory in packages() {
        let text = |name: &str| fs::read_to_string(directory.join(name)).unwrap();
        let (manifest, golden) = (text("model.toml"), text("golden.json"));
        let read = |manifest: &str, golden: &str| {
            ModelPackage::from_parts("cut", manifest, b"graph", golden)
        };
        let whole = read(&manifest, &golden).unwrap();
        for cut in cuts(&golden) {
            match read(&manifest, cut) {
                Ok(package) => assert_eq!(package.golden, whole.golden),
                Err(error) => {
                    let said = error.to_string();
                    assert!(said.starts_with("cut/golden.json: "), "{said}");
                }
            }
        }
        // TOML has no end. Whether the last tables are whole is for those to find
        // who read them.
        for cut in cuts(&manifest) {
            match read(cut, &golden) {
                Ok(package) => assert_eq!(
                    without_tables(&package.manifest),
                    without_tables(&whole.manifest)
                ),
                Err(error) => {
                    let said = error.to_string();
                    assert!(said.starts_with("cut/model.toml: "), "{said}");
                }
            }
        }
    }
}
