//! Alone in its program: it looks at the memory of the whole process.

use std::path::Path;

use ser_backend::{DeviceOptions, ModelPackage, conformance};
use ser_backend_onnx::OnnxBackend;

#[test]
#[ignore = "needs ORT_DYLIB_PATH"]
fn repeated_loads_leave_nothing_behind() {
    // Its weights are large enough to be shared and packed.
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/tess-lstm/1");
    let package = ModelPackage::read(&folder).unwrap();
    let subject = conformance::Subject {
        backend: &OnnxBackend::new(),
        options: &DeviceOptions::default(),
        package: &package,
    };
    if let Err(failure) = conformance::repeated_loads(&subject) {
        panic!("{failure}");
    }
}
