//! The conformance suite on Burn's CUDA device, in builds with the feature `cuda`:
//! `cargo xtask gpu` runs it.

use std::path::Path;

use ser_backend::{DeviceOptions, ModelPackage, conformance_tests};
use ser_backend_burn::BurnBackend;

fn package(path: &str) -> ModelPackage {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    ModelPackage::read(&folder.join(path)).expect("the package is valid")
}

fn tiny(name: &str) -> ModelPackage {
    package(&format!("backends/core/tests/packages/{name}/1"))
}

fn cuda() -> DeviceOptions {
    DeviceOptions {
        execution_providers: vec!["cuda".to_owned()],
        ..DeviceOptions::default()
    }
}

macro_rules! on_gpu {
    ($($module:ident, $package:expr;)*) => {$(
        conformance_tests!(
            #[ignore = "needs a GPU"]
            $module,
            BurnBackend::new(),
            $package,
            cuda()
        );
    )*};
}

on_gpu! {
    on_a_gpu_seed, package("models/tess-lstm/1");
    on_a_gpu_tiny_windowed, tiny("tiny-windowed");
    on_a_gpu_tiny_stacked, tiny("tiny-stacked");
    on_a_gpu_tiny_recurrent, tiny("tiny-recurrent");
    on_a_gpu_tiny_foreign, tiny("tiny-foreign");
}
