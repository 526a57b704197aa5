//! Alone in its program: it looks at the memory of the whole process.

use std::path::Path;

use ser_backend::{DeviceOptions, ModelPackage, conformance};
use ser_backend_burn::BurnBackend;

#[test]
fn repeated_loads_leave_nothing_behind() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/tess-lstm/1");
    let package = ModelPackage::read(&folder).unwrap();
    let subject = conformance::Subject {
        backend: &BurnBackend::new(),
        options: &DeviceOptions::default(),
        package: &package,
    };
    if let Err(failure) = conformance::repeated_loads(&subject) {
        panic!("{failure}");
    }
}
