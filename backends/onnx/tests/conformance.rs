//! The conformance suite on the packages that exist for the tests and on the one
//! that ships, against the library that `ORT_DYLIB_PATH` names.

use std::path::Path;

use ser_backend::{ModelPackage, conformance_tests};
use ser_backend_onnx::OnnxBackend;

fn package(folder: &str) -> ModelPackage {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    ModelPackage::read(&path).expect("the package is valid")
}

conformance_tests!(
    #[ignore = "needs ORT_DYLIB_PATH"]
    tiny_windowed,
    OnnxBackend::new(),
    package("../core/tests/packages/tiny-windowed/1")
);
conformance_tests!(
    #[ignore = "needs ORT_DYLIB_PATH"]
    tiny_stacked,
    OnnxBackend::new(),
    package("../core/tests/packages/tiny-stacked/1")
);
conformance_tests!(
    #[ignore = "needs ORT_DYLIB_PATH"]
    tiny_recurrent,
    OnnxBackend::new(),
    package("../core/tests/packages/tiny-recurrent/1")
);
conformance_tests!(
    #[ignore = "needs ORT_DYLIB_PATH"]
    tiny_foreign,
    OnnxBackend::new(),
    package("../core/tests/packages/tiny-foreign/1")
);
conformance_tests!(
    #[ignore = "needs ORT_DYLIB_PATH"]
    tess_lstm,
    OnnxBackend::new(),
    package("../../models/tess-lstm/1")
);
