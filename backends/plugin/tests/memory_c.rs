//! Alone in its program: it looks at the memory of the whole process.

mod libraries;

use ser_backend::{DeviceOptions, conformance};
use ser_backend_plugin::{Deadlines, PluginBackend};

#[test]
fn repeated_loads_leave_nothing_behind() {
    let library = libraries::c_plugin();
    let subject = conformance::Subject {
        backend: &PluginBackend::open("c", &library, Deadlines::default()),
        options: &DeviceOptions::default(),
        package: &libraries::seed(),
    };
    if let Err(failure) = conformance::repeated_loads(&subject) {
        panic!("{failure}");
    }
}
