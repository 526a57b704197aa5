//! The conformance suite on the seed model and on the packages that exist for the tests.

use std::path::Path;

use ser_backend::{ModelPackage, conformance_tests};
use ser_backend_burn::BurnBackend;

fn package(path: &str) -> ModelPackage {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    ModelPackage::read(&folder.join(path)).expect("the package is valid")
}

fn tiny(name: &str) -> ModelPackage {
    package(&format!("backends/core/tests/packages/{name}/1"))
}

conformance_tests!(seed, BurnBackend::new(), package("models/tess-lstm/1"));
conformance_tests!(tiny_windowed, BurnBackend::new(), tiny("tiny-windowed"));
conformance_tests!(tiny_stacked, BurnBackend::new(), tiny("tiny-stacked"));
conformance_tests!(tiny_recurrent, BurnBackend::new(), tiny("tiny-recurrent"));
conformance_tests!(tiny_foreign, BurnBackend::new(), tiny("tiny-foreign"));
