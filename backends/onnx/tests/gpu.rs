//! The conformance suite on CUDA and on TensorRT, against the library that
//! `ORT_DYLIB_PATH` names: `cargo xtask gpu` runs it.

use std::path::Path;

use ser_backend::{Backend as _, DeviceOptions, ModelPackage, conformance_tests};
use ser_backend_onnx::OnnxBackend;

fn package(folder: &str) -> ModelPackage {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    ModelPackage::read(&path).expect("the package is valid")
}

fn seed() -> ModelPackage {
    package("../../models/tess-lstm/1")
}

fn tiny(name: &str) -> ModelPackage {
    package(&format!("../core/tests/packages/{name}/1"))
}

/// These execution providers. Engines are built once for all checks: that takes
/// TensorRT longer than everything else.
fn on(providers: &[&str]) -> DeviceOptions {
    let mut options = DeviceOptions {
        execution_providers: providers.iter().map(ToString::to_string).collect(),
        ..DeviceOptions::default()
    };
    if providers.contains(&"tensorrt") {
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tensorrt");
        let settings = format!("tensorrt.cache = {cache:?}");
        options.settings = settings.parse().expect("the settings are TOML");
    }
    options
}

/// All of the seed model, and of the others what the provider takes.
const CUDA: [&[&str]; 2] = [&["cuda"], &["cuda", "cpu"]];
const TENSORRT: [&[&str]; 2] = [&["tensorrt", "cuda"], &["tensorrt", "cuda", "cpu"]];

macro_rules! on_gpu {
    ($($module:ident, $package:expr, $options:expr;)*) => {$(
        conformance_tests!(
            #[ignore = "needs a GPU"]
            $module,
            OnnxBackend::new(),
            $package,
            $options
        );
    )*};
}

on_gpu! {
    cuda_on_a_gpu_seed, seed(), on(CUDA[0]);
    cuda_on_a_gpu_tiny_windowed, tiny("tiny-windowed"), on(CUDA[1]);
    cuda_on_a_gpu_tiny_stacked, tiny("tiny-stacked"), on(CUDA[1]);
    cuda_on_a_gpu_tiny_recurrent, tiny("tiny-recurrent"), on(CUDA[1]);
    cuda_on_a_gpu_tiny_foreign, tiny("tiny-foreign"), on(CUDA[1]);
    tensorrt_on_a_gpu_seed, seed(), on(TENSORRT[0]);
    tensorrt_on_a_gpu_tiny_windowed, tiny("tiny-windowed"), on(TENSORRT[1]);
    tensorrt_on_a_gpu_tiny_stacked, tiny("tiny-stacked"), on(TENSORRT[1]);
    tensorrt_on_a_gpu_tiny_recurrent, tiny("tiny-recurrent"), on(TENSORRT[1]);
    tensorrt_on_a_gpu_tiny_foreign, tiny("tiny-foreign"), on(TENSORRT[1]);
}

/// What isn't asked for strictly may all have landed on the processor.
#[test]
#[ignore = "needs a GPU"]
fn every_package_runs_on_a_gpu() {
    let names = [
        "tiny-windowed",
        "tiny-stacked",
        "tiny-recurrent",
        "tiny-foreign",
    ];
    let packages: Vec<ModelPackage> = names.map(tiny).into_iter().chain([seed()]).collect();
    for providers in [CUDA[1], TENSORRT[1]] {
        for package in &packages {
            let model = OnnxBackend::new().load(package, &on(providers));
            let model = model.unwrap_or_else(|error| panic!("{providers:?}: {error}"));
            let used = &model.info().execution_provider;
            println!("{} on {providers:?}: {used}", package.manifest.id());
            let mut used = used.split(", ");
            assert!(used.any(|used| used == providers[0]), "{}", package.origin);
        }
    }
}
