//! A model package: `model.toml`, `golden.json` and `model.onnx`.
//!
//! It is loaded as the server loads it, on the backend that is built in: the graph is
//! compiled, golden rows and audio are replayed. What fails says why; what loads is
//! written and read again as the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ser_backend::ModelPackage;
use ser_backend_burn::BurnBackend;
use ser_fuzz::{models, seeds};
use ser_server::fuzzing::load;

/// Values of a row at most: what is larger is slow, and no different.
const LARGEST_ROW: usize = 4_096;

/// Both texts, then the graph, with zero bytes between them.
fn package(data: &[u8]) -> Option<ModelPackage> {
    let mut parts = data.splitn(3, |byte| *byte == 0);
    let mut text = || std::str::from_utf8(parts.next()?).ok();
    let (manifest, golden) = (text()?, text()?);
    let package = ModelPackage::from_parts("fuzzed", manifest, parts.next()?, golden);
    match package {
        Ok(package) => Some(package),
        Err(error) => {
            assert!(error.to_string().starts_with("fuzzed/"), "{error}");
            None
        }
    }
}

fuzz_target!(
    init: seeds::write(models::packages().iter().map(models::Files::seed)),
    |data: &[u8]| {
        let Some(package) = package(data) else {
            return;
        };
        let shape = package.manifest.row_shape();
        if shape.features() + shape.state > LARGEST_ROW {
            return;
        }
        if let Err(error) = load(&package, &BurnBackend::new()) {
            assert!(!error.to_string().is_empty());
        }
        let manifest = toml::to_string(&package.manifest).expect("a manifest is TOML");
        let golden = serde_json::to_string(&package.golden).expect("golden values are JSON");
        let again = ModelPackage::from_parts("fuzzed", &manifest, &package.graph, &golden);
        let again = again.expect("a package that was one before");
        assert_eq!(again.manifest, package.manifest);
        assert_eq!(again.golden, package.golden);
    }
);
