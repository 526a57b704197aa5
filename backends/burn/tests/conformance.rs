//! The conformance suite on the packages that exist for the tests.

use std::path::Path;

use ser_backend::{ModelPackage, conformance_tests};
use ser_backend_burn::BurnBackend;

fn package(name: &str) -> ModelPackage {
    let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/tests/packages");
    ModelPackage::read(&packages.join(name).join("1")).expect("the package is valid")
}

conformance_tests!(tiny_windowed, BurnBackend::new(), package("tiny-windowed"));
conformance_tests!(tiny_stacked, BurnBackend::new(), package("tiny-stacked"));
conformance_tests!(
    tiny_recurrent,
    BurnBackend::new(),
    package("tiny-recurrent")
);
conformance_tests!(tiny_foreign, BurnBackend::new(), package("tiny-foreign"));
