//! The package that ships with the server, with files that end early.

use std::{fs, path::PathBuf};

use ser_backend_burn::BurnBackend;

use super::*;
use crate::models::load::Loader;

const FILES: [&str; 3] = ["model.toml", "golden.json", "model.onnx"];

/// Cuts of a file at most. Every tenth byte of a graph is for the backends'
/// conformance suite.
const MOST_CUTS: usize = 1_000;

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tess-lstm/1")
}

/// Everything but facts for people.
fn that_matters(manifest: &Manifest) -> Manifest {
    Manifest {
        metadata: Default::default(),
        ..manifest.clone()
    }
}

#[test]
fn a_package_with_a_file_that_ends_early_is_refused_or_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("tess-lstm/1");
    fs::create_dir_all(&place).unwrap();
    for file in FILES {
        fs::copy(shipped().join(file), place.join(file)).unwrap();
    }
    let mut config = config(directory.path());
    config.models.backend = "burn".to_owned();
    config.models.instances = std::num::NonZeroUsize::new(1);
    let backends = BackendRegistry::new().with(Box::new(BurnBackend::new()));
    let loader = Loader::new(config, backends, unread());
    let load = || loader.load(loader.find().unwrap().remove(0));
    let whole = load().unwrap();

    for file in FILES {
        let path = place.join(file);
        let bytes = fs::read(&path).unwrap();
        let step = 10.max(bytes.len().div_ceil(MOST_CUTS));
        for end in (0..bytes.len()).step_by(step) {
            fs::write(&path, &bytes[..end]).unwrap();
            match load() {
                Ok(model) => {
                    assert_eq!(file, "model.toml", "{end} bytes are enough");
                    assert_eq!(
                        that_matters(model.manifest()),
                        that_matters(whole.manifest()),
                        "{end} bytes"
                    );
                }
                Err(error) => {
                    let said = error.to_string();
                    let of_the_file = said.contains(file) || said.contains("tess-lstm/1");
                    assert!(of_the_file, "{end} bytes of {file}: {said}");
                }
            }
        }
        fs::write(&path, bytes).unwrap();
    }
}
